// SPDX-License-Identifier: ISC
// config/:name and reset/:name: connections, each of which is a target of the rotation engine.
#include "api/routes/database_routes.h"
#include "api/routes/database_url.h"

enum { SEALED_BYTES = 8192, SETTINGS_BYTES = 16 * 1024 };

// Vault's names of plugins, and the rotators that do their work.
static const struct plugin {
    const char *name;
    const char *rotator;
} plugins[] = {
    {"postgresql-database-plugin", "postgresql"},
};
static const char no_such_plugin[] =
    "there is no such plugin; this version has postgresql-database-plugin";

static const char *const known[] = {"plugin_name",       "connection_url", "username", "password",
                                    "verify_connection", "allowed_roles",  NULL};

static const struct database_field others[] = {
    {"max_open_connections", NULL},
    {"max_idle_connections", NULL},
    {"max_connection_lifetime", NULL},
    {"plugin_version", "there is one version of each plugin: leave it out"},
    {"root_rotation_statements",
     "the rotator makes its own verifiers and statements: leave it out"},
    {"root_credentials_rotate_statements",
     "the rotator makes its own verifiers and statements: leave it out"},
    {"password_policy", "values have 160 bits of letters, digits, - and _: leave it out"},
    {"username_template", "there are no dynamic roles in this version: leave it out"},
    {"disable_escaping", "names and passwords never become part of the URL: leave it out"},
    {"auth_type", "expected a user name and password: leave it out"},
    {"service_account_json", "expected a user name and password: leave it out"},
    {"use_private_ip", "expected a user name and password: leave it out"},
    {"self_managed", "the rotator needs an account of its own: give username and password"},
    {"tls_ca", "write sslrootcert=/path/to/ca.pem in the connection_url: a file on each node"},
    {"tls_certificate", "client certificates aren't taken here: give username and password"},
    {"private_key", "client certificates aren't taken here: give username and password"},
    {"skip_static_role_import_rotation", "say skip_import_rotation at each static role"},
    {"rotation_period", "the connection's own password isn't rotated on schedule"},
    {"rotation_schedule", "the connection's own password isn't rotated on schedule"},
    {"rotation_window", "the connection's own password isn't rotated on schedule"},
    {"disable_automated_rotation", "the connection's own password isn't rotated on schedule"},
    {NULL, NULL},
};

// ---- reading

static struct status enter_config(struct operation *op, struct http_request *req,
                                  struct http_response *res, enum policy_operation operation,
                                  struct target_found *out)
{
    struct str name;
    TRY(operation_enter(op, operation));
    TRY(rotation_name(op, req, res, &name));
    return target_find(op, name, out);
}

static const char *plugin_of(const struct target *t)
{
    for (size_t i = 0; i < ARRAY_LEN(plugins); i++) {
        if (str_equal_c(t->rotator, plugins[i].rotator)) {
            return plugins[i].name;
        }
    }
    return "";
}

static void put_config(struct json_writer *w, const struct target *t, const struct connection *c)
{
    json_begin_object(w);
    json_add_strings(w, "allowed_roles", c->allowed_roles.items, c->allowed_roles.count);
    json_put_key(w, "connection_details");
    json_begin_object(w);
    json_add_string(w, "connection_url", c->url);
    json_add_string(w, "username", t->principal);
    json_end_object(w);
    json_add_string(w, "password_policy", STR(""));
    json_add_string(w, "plugin_name", str_from_c(plugin_of(t)));
    json_add_string(w, "plugin_version", STR(""));
    json_add_strings(w, "root_credentials_rotate_statements", NULL, 0);
    json_add_bool(w, "verify_connection", c->verify);
    json_end_object(w);
}

struct status database_read_config(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    struct target_found found CLEANUP(target_found_done) = {0};
    struct connection_found connection CLEANUP(connection_found_done) = {0};
    TRY(enter_config(op, req, res, POLICY_OP_READ, &found));
    if (!found.exists) {
        FAIL(NOT_FOUND, "");
    }
    TRY(connection_find(op, found.target.id, &connection));
    struct json_writer w = answer_begin(op, res);
    put_config(&w, &found.target, &connection.connection);
    return answer_end(&w);
}

// What isn't there is deleted: clients of Vault don't ask before.
struct status database_delete_config(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    struct target_found found CLEANUP(target_found_done) = {0};
    struct store_rows accounts CLEANUP(store_rows_done) = {0};
    TRY(enter_config(op, req, res, POLICY_OP_DELETE, &found));
    if (!found.exists) {
        return answer_empty(res);
    }
    TRY(target_accounts(op, &found.target, 1, &accounts));
    if (accounts.count > 0) {
        FAIL(CONFLICT, "static roles use this connection: delete them first");
    }
    TRY(target_remove(op, &found.target));
    return answer_empty(res);
}

// Nothing is kept open that could be closed: what is left is to see whether it works.
struct status database_reset_config(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct target_found found CLEANUP(target_found_done) = {0};
    struct connection_found connection CLEANUP(connection_found_done) = {0};
    TRY(enter_config(op, req, res, POLICY_OP_UPDATE, &found));
    if (!found.exists) {
        FAIL(NOT_FOUND, "there is no connection of this name");
    }
    TRY(connection_find(op, found.target.id, &connection));
    if (connection.connection.verify) {
        TRY(database_check_target(&body, &found.target, found.target.principal, "reset"));
    }
    return answer_empty(res);
}

// ---- writing

static struct status read_plugin(const struct rotation_body *b, bool is_new, struct target *t,
                                 const struct rotunda_rotator **out)
{
    struct rotation *r;
    struct str name = str_from_c(plugin_of(t));
    TRY(rotation_engine(&r));
    TRY(rotation_body_text(b, "plugin_name", &name));
    if (name.len == 0) {
        return rotation_refuse_field(b, "plugin_name",
                                     "required, for example postgresql-database-plugin");
    }
    if (!is_new && !str_equal_c(name, plugin_of(t))) {
        return rotation_refuse_field(b, "plugin_name", "can't be changed: make another connection");
    }
    for (size_t i = 0; i < ARRAY_LEN(plugins); i++) {
        if (str_equal_c(name, plugins[i].name)) {
            t->rotator = str_from_c(plugins[i].rotator);
            *out = rotation_rotator(r, t->rotator);
            return *out != NULL ? OK_STATUS
                                : rotation_refuse_field(b, "plugin_name", no_such_plugin);
        }
    }
    return rotation_refuse_field(b, "plugin_name", no_such_plugin);
}

static void put_setting(struct json_writer *w, const char *name, struct str value)
{
    if (value.len > 0) {
        json_add_string(w, name, value);
    }
}

static struct status settings_of(const struct database_url *u, struct buffer *text)
{
    struct json_writer w = json_writer_on(text);
    json_begin_object(&w);
    put_setting(&w, "host", u->host);
    put_setting(&w, "port", u->port);
    put_setting(&w, "database", u->database);
    put_setting(&w, "ca_file", u->ca_file);
    put_setting(&w, "socket_owner", u->socket_owner);
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status refuse_url(const struct rotation_body *b, struct status s,
                                struct str parameter)
{
    if (s.code != STATUS_INVALID) {
        return s;
    }
    return answer_explain(b->res, s, b->op->arena, "connection_url: %.*s%s%s", STR_ARG(parameter),
                          parameter.len > 0 ? ": " : "", s.what);
}

static struct status read_url(const struct rotation_body *b, const struct rotunda_rotator *rotator,
                              struct target *t, struct connection *c)
{
    struct buffer text CLEANUP(buffer_done);
    struct json_value settings;
    struct database_url u;
    struct str parameter = STR("");
    struct str json;
    const char *field = "";
    buffer_init(&text, SETTINGS_BYTES);
    TRY(rotation_body_text(b, "connection_url", &c->url));
    TRY(refuse_url(b, database_url_parse(c->url, b->op->arena, &u, &parameter), parameter));
    TRY(settings_of(&u, &text));
    TRY(arena_copy_str(b->op->arena, buffer_str(&text), &json));
    TRY(json_parse(json, NULL, b->op->arena, &settings, NULL));
    struct status s = settings_merge(STR(""), settings, rotator->target_settings, b->op->arena,
                                     &t->settings, &field);
    return s.code == STATUS_INVALID ? refuse_url(b, s, str_from_c(field)) : s;
}

static struct status read_user(const struct rotation_body *b, struct target *t)
{
    TRY(rotation_body_text(b, "username", &t->principal));
    if (t->principal.len == 0 || t->principal.len > LIMIT_NAME_BYTES) {
        return rotation_refuse_field(b, "username", "required: an account of the vault's own");
    }
    return OK_STATUS;
}

static struct status read_roles(const struct rotation_body *b, struct connection *c)
{
    struct json_value v = json_get(b->op->body, "allowed_roles");
    if (json_is_null(v)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_strings(v, &c->allowed_roles)) ||
        c->allowed_roles.count > CONNECTION_ROLES_MAX) {
        return rotation_refuse_field(b, "allowed_roles",
                                     "expected up to 1000 names of static roles, or *");
    }
    for (size_t i = 0; i < c->allowed_roles.count; i++) {
        struct str name = c->allowed_roles.items[i];
        if (name.len == 0 || name.len > LIMIT_NAME_BYTES || !str_is_text(name)) {
            return rotation_refuse_field(b, "allowed_roles", "a name has 1 to 256 octets of text");
        }
    }
    return OK_STATUS;
}

struct config_change {
    struct target target;
    struct connection connection;
    struct database_warnings warnings;
};

static struct status read_config(const struct rotation_body *b, const struct target_found *found,
                                 struct config_change *change, struct buffer *sealed)
{
    const struct rotunda_rotator *rotator;
    TRY(database_fields_known(b, known, others));
    TRY(database_fields_check(b, others, &change->warnings));
    TRY(read_plugin(b, !found->exists, &change->target, &rotator));
    TRY(read_url(b, rotator, &change->target, &change->connection));
    TRY(read_user(b, &change->target));
    TRY(read_roles(b, &change->connection));
    TRY(rotation_body_bool(b, "verify_connection", &change->connection.verify));
    return rotation_target_secret(b, &found->target, &change->target, sealed);
}

struct status database_write_config(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct target_found found CLEANUP(target_found_done) = {0};
    struct connection_found connection CLEANUP(connection_found_done) = {0};
    struct buffer sealed CLEANUP(buffer_done);
    struct str name;
    buffer_init(&sealed, SEALED_BYTES);
    TRY(operation_authenticate(op));
    TRY(rotation_name(op, req, res, &name));
    TRY(target_find(op, name, &found));
    TRY(operation_authorise(op, found.exists ? POLICY_OP_UPDATE : POLICY_OP_CREATE));
    struct config_change change = {
        .target = rotation_target_new(op, name),
        .connection = {.namespace_id = op->namespace_id, .url = STR(""), .verify = true}};
    if (found.exists) {
        TRY(connection_find(op, found.target.id, &connection));
        change.target = found.target;
        change.connection = connection.connection;
    }
    change.connection.target = change.target.id;
    change.target.updated_us = op->snapshot.now_us;
    TRY(read_config(&body, &found, &change, &sealed));
    if (change.connection.verify) {
        TRY(database_check_target(&body, &change.target, change.target.principal,
                                  "verify_connection"));
    }
    TRY(connection_store(op, &change.target, &change.connection,
                         change.target.secret_version != found.target.secret_version));
    return answer_warned(op, res, change.warnings.items, change.warnings.count);
}
