// SPDX-License-Identifier: ISC
// static-roles/:name: credentials of one account, as Vault's users know them.
#include "api/routes/database_routes.h"

enum { TEXT_BYTES = 1024, STATEMENT_BYTES = 256 };

static const char *const known[] = {"db_name",
                                    "username",
                                    "rotation_period",
                                    "rotation_schedule",
                                    "rotation_window",
                                    "owner",
                                    "purpose",
                                    "password",
                                    "credential_type",
                                    "rotation_statements",
                                    "name",
                                    "skip_import_rotation",
                                    NULL};

static const struct database_field others[] = {
    {"credential_config", "values have 160 bits of letters, digits, - and _: leave it out"},
    {"password_policy", "values have 160 bits of letters, digits, - and _: leave it out"},
    {"self_managed_password", "the connection's own account sets the password: leave it out"},
    {"creation_statements", "dynamic roles aren't part of this version"},
    {"revocation_statements", "dynamic roles aren't part of this version"},
    {"rollback_statements", "dynamic roles aren't part of this version"},
    {"renew_statements", "dynamic roles aren't part of this version"},
    {NULL, NULL},
};

// ---- reading

static struct status enter_role(struct operation *op, struct http_request *req,
                                struct http_response *res, enum policy_operation operation,
                                struct credential_found *out)
{
    struct str name;
    TRY(operation_enter(op, operation));
    TRY(rotation_name(op, req, res, &name));
    return credential_find(op, name, out);
}

struct status database_read_role(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    struct credential_found found CLEANUP(credential_found_done) = {0};
    const struct credential *c = &found.credential;
    TRY(enter_role(op, req, res, POLICY_OP_READ, &found));
    if (!found.exists) {
        FAIL(NOT_FOUND, "");
    }
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_string(&w, "credential_type", STR("password"));
    json_add_string(&w, "db_name", found.target_name);
    if (c->last_rotated_us > 0) {
        json_add_time(&w, "last_vault_rotation", c->last_rotated_us);
    }
    database_put_schedule(&w, c);
    json_add_strings(&w, "rotation_statements", NULL, 0);
    json_add_string(&w, "username", c->accounts[0]);
    json_add_string(&w, "owner", c->owner);
    json_add_string(&w, "purpose", c->purpose);
    json_end_object(&w);
    return answer_end(&w);
}

struct status database_delete_role(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(enter_role(op, req, res, POLICY_OP_DELETE, &found));
    if (!found.exists) {
        return answer_empty(res);
    }
    // Clients of Vault expect that it goes.
    struct str left;
    TRY(manage_remove(op, &found.credential, true, &left));
    return rotation_answer_removed(op, res, left);
}

// ---- fields

struct role_change {
    struct credential credential;
    struct str password; // empty: not given
    bool skip_import;
    bool is_new;
    struct database_warnings warnings;
};

// Letters only, in lower case, for comparing statements whatever their quotes and blanks.
static size_t letters_of(struct str text, char out[STATEMENT_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < STATEMENT_BYTES; i++) {
        char c = text.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        bool blank = c == ' ' || c == '"' || c == '\'' || c == ';' || c == '\n' || c == '\t';
        if (!blank) {
            out[len++] = c;
        }
    }
    return len;
}

// What Vault itself does when there are none.
static bool is_standard(struct str statement)
{
    static const char *const standard[] = {"alteruser{{name}}withpassword{{password}}",
                                           "alterrole{{name}}withpassword{{password}}",
                                           "alteruser{{name}}password{{password}}",
                                           "alterrole{{name}}password{{password}}",
                                           "alteruser{{username}}withpassword{{password}}",
                                           "alterrole{{username}}withpassword{{password}}"};
    char letters[STATEMENT_BYTES];
    struct str found = {letters, letters_of(statement, letters)};
    for (size_t i = 0; i < ARRAY_LEN(standard); i++) {
        if (str_equal_c(found, standard[i])) {
            return true;
        }
    }
    return false;
}

static struct status check_statements(const struct rotation_body *b)
{
    struct json_value v = json_get(b->op->body, "rotation_statements");
    struct json_strings list = {0};
    if (json_is_null(v)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_strings(v, &list))) {
        return rotation_refuse_field(b, "rotation_statements", "expected a list of statements");
    }
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].len > 0 && !is_standard(list.items[i])) {
            return rotation_refuse_field(
                b, "rotation_statements",
                "the rotator sets a SCRAM verifier that it makes itself, so that no password "
                "reaches the database's log: leave them out, or give the standard one, ALTER USER "
                "\"{{name}}\" WITH PASSWORD '{{password}}'");
        }
    }
    return OK_STATUS;
}

static struct status check_type(const struct rotation_body *b)
{
    struct str type = STR("password");
    TRY(rotation_body_text(b, "credential_type", &type));
    if (!str_equal_c(type, "password")) {
        return rotation_refuse_field(b, "credential_type", "this version has password only");
    }
    return OK_STATUS;
}

static struct status read_text(const struct rotation_body *b, const char *field, struct str *out)
{
    struct str text = *out;
    TRY(rotation_body_text(b, field, &text));
    if (text.len > TEXT_BYTES || !str_is_text(text)) {
        return rotation_refuse_field(b, field, "a text of at most 1024 octets");
    }
    *out = text.len > 0 ? text : *out; // empty: as if it weren't given
    return OK_STATUS;
}

// Vault doesn't ask for them, so that whoever put the role in care answers for it.
static struct status read_owner(const struct rotation_body *b, struct role_change *change)
{
    struct operation *op = b->op;
    struct credential *c = &change->credential;
    if (change->is_new) {
        bool described = op->mount->description.len > 0;
        c->owner = described ? op->mount->description : op->caller.display_name;
        c->owner = str_first(c->owner, c->owner.len < TEXT_BYTES ? c->owner.len : TEXT_BYTES);
        TRY(arena_printf(op->arena, &c->purpose, "static role %.*s of %.*s", STR_ARG(c->name),
                         STR_ARG(op->mount->path)));
    }
    TRY(read_text(b, "owner", &c->owner));
    return read_text(b, "purpose", &c->purpose);
}

static struct status read_import(const struct rotation_body *b, struct role_change *change)
{
    bool given = !json_is_null(json_get(b->op->body, "password"));
    TRY(rotation_body_bool(b, "skip_import_rotation", &change->skip_import));
    TRY(rotation_body_text(b, "password", &change->password));
    if (given && change->password.len == 0) {
        return rotation_refuse_field(b, "password", "empty: leave it out to have a new one made");
    }
    if (change->password.len > TARGET_SECRET_BYTES) {
        return rotation_refuse_field(b, "password", "longer than 4096 octets");
    }
    if (given && !change->is_new) {
        return rotation_refuse_field(b, "password", "only when the static role is made");
    }
    return OK_STATUS;
}

static struct status read_account(const struct rotation_body *b, const struct target *t,
                                  struct role_change *change)
{
    struct credential *c = &change->credential;
    struct str username = c->accounts[0];
    TRY(rotation_body_text(b, "username", &username));
    if (username.len == 0 || username.len > LIMIT_NAME_BYTES) {
        return rotation_refuse_field(b, "username", "required: 1 to 256 octets");
    }
    if (!change->is_new && !str_equal(username, c->accounts[0])) {
        return rotation_refuse_field(b, "username", "can't be changed: make another static role");
    }
    if (str_equal(username, t->principal)) {
        return rotation_refuse_field(b, "username",
                                     "the connection logs in as this account: see rotate-root, or "
                                     "give the connection an account of its own");
    }
    c->accounts[0] = username;
    c->account_count = 1;
    return OK_STATUS;
}

static struct status read_fields(const struct rotation_body *b, const struct rotation *r,
                                 const struct target *t, struct role_change *change)
{
    TRY(database_fields_known(b, known, others));
    TRY(database_fields_check(b, others, &change->warnings));
    TRY(read_account(b, t, change));
    TRY(check_type(b));
    TRY(check_statements(b));
    TRY(database_read_schedule(b, r, &change->credential));
    TRY(read_owner(b, change));
    return read_import(b, change);
}

// ---- where it lives

static struct status find_database(const struct rotation_body *b,
                                   const struct credential_found *stored, struct target_found *out)
{
    struct str wanted = stored->exists ? stored->target_name : STR("");
    TRY(rotation_body_text(b, "db_name", &wanted));
    if (wanted.len == 0) {
        return rotation_refuse_field(b, "db_name", "required: the name of a connection (config/)");
    }
    if (stored->exists && !str_equal(wanted, stored->target_name)) {
        return rotation_refuse_field(b, "db_name", "can't be changed: make another static role");
    }
    TRY(target_find(b->op, wanted, out));
    if (!out->exists) {
        return rotation_refuse_field(b, "db_name", "there is no such connection (config/)");
    }
    return OK_STATUS;
}

static struct status check_allowed(const struct rotation_body *b, const struct target *t,
                                   struct str role)
{
    struct connection_found found CLEANUP(connection_found_done) = {0};
    TRY(connection_find(b->op, t->id, &found));
    if (!connection_allows(&found.connection, role)) {
        return answer_explain(
            b->res, MAKE_STATUS(INVALID, "role not allowed"), b->op->arena,
            "\"%.*s\" is not an allowed role: see allowed_roles of the connection", STR_ARG(role));
    }
    return OK_STATUS;
}

static struct status describe(const struct rotation *r, const struct target *t,
                              struct credential *c)
{
    const struct rotunda_rotator *rotator = rotation_rotator(r, t->rotator);
    if (rotator == NULL) {
        FAIL(UNAVAILABLE, "this node's program doesn't have the connection's rotator");
    }
    c->target = t->id;
    c->kind = rotator->kind;
    c->slots = rotator->kind == ROTUNDA_K2 ? rotator->max_slots : 1;
    return OK_STATUS;
}

// ---- writing

static struct status probe_password(const struct rotation_body *b, const struct target *t,
                                    const struct role_change *change)
{
    struct str message = STR("");
    const struct manage_question q = {
        t, &change->credential, change->credential.accounts[0], {change->password, STR("")}};
    struct status s = manage_probe(b->op, &q, &message);
    if (status_ok(s)) {
        return OK_STATUS;
    }
    return answer_explain(b->res, s, b->op->arena, "password: %s%s%.*s", s.what,
                          message.len > 0 ? ": " : "", STR_ARG(message));
}

static struct status prepare(const struct rotation_body *b, const struct target *t,
                             struct role_change *change)
{
    struct credential *c = &change->credential;
    if (change->password.len > 0) {
        TRY(probe_password(b, t, change));
        c->current_version = 1;
        c->last_version = 1;
    }
    return change->skip_import ? OK_STATUS
                               : database_check_target(b, t, c->accounts[0], "username");
}

// It is in care by now: that it isn't done is worth a warning, not an error that denies it.
static struct status await_first(const struct rotation_body *b, struct uuid attempt,
                                 struct role_change *change)
{
    struct manage_progress progress CLEANUP(database_progress_done) = {0};
    struct operation *op = b->op;
    rotation_kick(rotation_running());
    struct status s = manage_wait(op, attempt, database_wait_until_us(op), &progress);
    if (status_ok(s) && database_rotation_done(&progress)) {
        return OK_STATUS;
    }
    bool failed = progress.error_class.len > 0;
    struct str why = failed ? progress.error : STR("");
    struct str *warning = &change->warnings.items[change->warnings.count++];
    return arena_printf(
        op->arena, warning,
        "the static role is stored, and its first rotation isn't done yet%s%.*s: "
        "static-creds answers as soon as it is; credentials/:name/history says more",
        failed ? ": " : "", STR_ARG(why));
}

static struct status create(const struct rotation_body *b, const struct target *t,
                            const struct rotunda_rotator *rotator, struct role_change *change)
{
    const char *field = "";
    struct uuid attempt;
    struct credential *c = &change->credential;
    TRY(settings_merge(STR(""), (struct json_value){0}, rotator->account_settings, b->op->arena,
                       &c->account_settings, &field));
    TRY(prepare(b, t, change));
    TRY(manage_create_first(b->op, c, (struct manage_value){change->password, STR("")},
                            change->skip_import ? MANAGE_FIRST_LATER : MANAGE_FIRST_NOW, &attempt));
    return change->skip_import ? OK_STATUS : await_first(b, attempt, change);
}

static struct role_change begin_change(const struct operation *op, struct str name,
                                       const struct credential_found *found)
{
    struct role_change change = {.is_new = !found->exists, .password = STR("")};
    change.credential = found->exists ? found->credential : rotation_credential_new(op, name);
    change.credential.strategy = STR("single");
    change.credential.updated_us = op->snapshot.now_us;
    return change;
}

struct status database_write_role(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct target_found target CLEANUP(target_found_done) = {0};
    struct rotation *r;
    struct str name;
    TRY(operation_authenticate(op));
    TRY(rotation_name(op, req, res, &name));
    TRY(rotation_engine(&r));
    TRY(credential_find(op, name, &found));
    TRY(operation_authorise(op, found.exists ? POLICY_OP_UPDATE : POLICY_OP_CREATE));
    struct role_change change = begin_change(op, name, &found);
    TRY(find_database(&body, &found, &target));
    TRY(check_allowed(&body, &target.target, name));
    TRY(describe(r, &target.target, &change.credential));
    TRY(read_fields(&body, r, &target.target, &change));
    TRY(found.exists
            ? manage_update(op, &found.credential, &change.credential)
            : create(&body, &target.target, rotation_rotator(r, target.target.rotator), &change));
    rotation_kick(r);
    return answer_warned(op, res, change.warnings.items, change.warnings.count);
}
