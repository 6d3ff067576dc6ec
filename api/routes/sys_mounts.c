// SPDX-License-Identifier: ISC
// sys/mounts: which secret engine is where.
#include "api/routes/route_tables.h"
#include "api/routes/sys_answer.h"
#include "api/routes/sys_mounts_config.h"
#include "api/routes/sys_mounts_path.h"
#include "vault/base/limits.h"
#include "vault/crypto/password.h"

enum { ACCESSOR_CHARACTERS = 8, DESCRIPTION_BYTES_MAX = 4096 };

// ---- showing

static bool is_auth(const struct mount *m)
{
    return str_starts_with(m->path, STR("auth/"));
}

static struct status write_mounts(struct operation *op, struct buffer *text)
{
    struct json_writer w = json_writer_on(text);
    json_begin_object(&w);
    for (size_t i = 0; i < catalog_mount_count(op->catalog); i++) {
        const struct mount *m = catalog_mount_at(op->catalog, i);
        if (!is_auth(m)) {
            json_put_key_str(&w, m->path);
            json_begin_object(&w);
            TRY(sys_mounts_put(&w, m, op->arena));
            json_end_object(&w);
        }
    }
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status list_mounts(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_READ));
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_RESPONSE_BYTES / 2);
    TRY(write_mounts(op, &text));
    return sys_answer_both(op, res, &text);
}

// The mount that the request is about; INVALID, as clients know it, when there is none.
static struct status find_mount(struct operation *op, struct http_response *res, struct str sent,
                                const struct mount **out)
{
    struct str path;
    TRY(sys_mounts_path_read(sent, op->arena, &path));
    const struct mount *m = sys_mounts_path_find(op->catalog, path);
    if (m == NULL || is_auth(m)) {
        return answer_explain(res, MAKE_STATUS(INVALID, "no such mount"), op->arena,
                              "No secret engine mount at %.*s", STR_ARG(path));
    }
    *out = m;
    return OK_STATUS;
}

static struct status show_mount(struct operation *op, struct http_response *res,
                                const struct mount *m)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_RESPONSE_BYTES / 2);
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    TRY(sys_mounts_put(&w, m, op->arena));
    json_end_object(&w);
    return sys_answer_both(op, res, &text);
}

static struct status show_tuning(struct operation *op, struct http_response *res,
                                 const struct mount *m)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_RESPONSE_BYTES / 2);
    struct json_writer w = json_writer_on(&text);
    TRY(sys_mounts_put_tuning(&w, m, op));
    return sys_answer_both(op, res, &text);
}

static struct status get_mount(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_READ));
    struct str sent = route_param(req, "path");
    bool tune = sys_mounts_path_cut_tune(&sent);
    const struct mount *m;
    TRY(find_mount(op, res, sent, &m));
    return tune ? show_tuning(op, res, m) : show_mount(op, res, m);
}

// ---- changing

struct mount_change {
    const struct keyring *keyring;
    struct mount mount;
};

static struct status put_work(struct session *s, void *arg)
{
    const struct mount_change *change = arg;
    return catalog_put_mount(change->keyring, s, &change->mount);
}

static struct status delete_work(struct session *s, void *arg)
{
    const struct mount_change *change = arg;
    // All that the engine holds goes with the row; a big one takes longer than a statement may.
    TRY(session_take_time(s));
    return catalog_delete_mount(s, change->mount.id);
}

struct engine {
    const char *type;
    const char *options;
    bool versioned; // has options.version, which must be 2
};

static const struct engine engines[] = {
    {"kv", "{\"version\":\"2\"}", true},
    {"rotation", "{}", false},
    {"database", "{}", false},
};

// Only what this program was built with can be mounted.
static bool is_served(const char *type)
{
    for (size_t i = 0; route_tables[i] != NULL; i++) {
        const char *served = route_tables[i]->mount_type;
        if (served != NULL && str_equal_c(str_from_c(served), type)) {
            return true;
        }
    }
    return false;
}

static const struct engine *engine_named(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
        if (str_equal_c(type, engines[i].type) && is_served(engines[i].type)) {
            return &engines[i];
        }
    }
    return NULL;
}

static struct status read_engine(struct operation *op, struct http_response *res,
                                 const struct engine **out)
{
    struct str type;
    if (!status_ok(json_as_str(json_get(op->body, "type"), &type)) || type.len == 0) {
        FAIL(INVALID, "'type' must name the secret engine, such as \"kv\"");
    }
    const struct engine *engine = engine_named(str_equal_c(type, "kv-v2") ? STR("kv") : type);
    if (engine == NULL) {
        return answer_explain(res, MAKE_STATUS(INVALID, "no such engine"), op->arena,
                              "no secret engine of type \"%.*s\" can be mounted", STR_ARG(type));
    }
    *out = engine;
    return OK_STATUS;
}

static struct status check_version(const struct operation *op, const struct engine *engine)
{
    struct json_value version = json_get(json_get(op->body, "options"), "version");
    int64_t number;
    if (!engine->versioned || json_is_null(version)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_int(version, &number)) || number != 2) {
        FAIL(INVALID, "options.version must be \"2\": version 1 of the key-value engine, which "
                      "keeps no versions, isn't supported");
    }
    return OK_STATUS;
}

static struct status read_description(const struct operation *op, struct str *description)
{
    struct json_value v = json_get(op->body, "description");
    if (json_is_null(v)) {
        return OK_STATUS;
    }
    struct str text;
    if (!status_ok(json_as_str(v, &text)) || text.len > DESCRIPTION_BYTES_MAX) {
        FAIL(INVALID, "description must be a text of at most 4096 bytes");
    }
    *description = text;
    return OK_STATUS;
}

static struct status check_free(struct operation *op, struct http_response *res, struct str path)
{
    if (sys_mounts_path_is_reserved(path)) {
        return answer_explain(res, MAKE_STATUS(INVALID, "reserved path"), op->arena,
                              "cannot mount at %.*s: the path belongs to the vault itself",
                              STR_ARG(path));
    }
    const struct mount *m = sys_mounts_path_in_use(op->catalog, path);
    if (m != NULL) {
        return answer_explain(res, MAKE_STATUS(INVALID, "path in use"), op->arena,
                              "path is already in use at %.*s", STR_ARG(m->path));
    }
    return OK_STATUS;
}

// "kv_" and characters at random: names the mount in policies and logs even after it has moved.
static struct status make_accessor(const struct engine *engine, struct arena *arena,
                                   struct str *out)
{
    struct secret *random CLEANUP(secret_cleanup) = NULL;
    TRY(password_generate_token(STR(""), ACCESSOR_CHARACTERS, &random));
    struct str text = str_from_bytes(secret_view(random));
    return arena_printf(arena, out, "%s_%.*s", engine->type, STR_ARG(text));
}

static struct status read_new_mount(struct operation *op, struct http_response *res,
                                    struct mount *m)
{
    const struct engine *engine;
    TRY(read_engine(op, res, &engine));
    TRY(check_version(op, engine));
    TRY(read_description(op, &m->description));
    struct sys_mounts_config config = {0};
    // Some stand beside the others, where older clients put them.
    TRY(sys_mounts_config_change(op, res, op->body, &config));
    TRY(sys_mounts_config_change(op, res, json_get(op->body, "config"), &config));
    TRY(sys_mounts_config_write(STR("{}"), &config, op->arena, &m->config));
    m->type = str_from_c(engine->type);
    m->options = str_from_c(engine->options);
    return make_accessor(engine, op->arena, &m->accessor);
}

static struct status create_mount(struct operation *op, struct http_response *res, struct str sent)
{
    struct mount_change change = {.keyring = op->worker->vault->keyring,
                                  .mount = {.id = uuid_new(), .namespace_id = op->namespace_id}};
    TRY(sys_mounts_path_read(sent, op->arena, &change.mount.path));
    TRY(check_free(op, res, change.mount.path));
    TRY(read_new_mount(op, res, &change.mount));
    TRY(operation_change_catalog(op, put_work, &change));
    return answer_empty(res);
}

static struct status tune_mount(struct operation *op, struct http_response *res, struct str sent)
{
    const struct mount *m;
    TRY(find_mount(op, res, sent, &m));
    const struct engine *engine = engine_named(m->type);
    if (engine == NULL) {
        return answer_explain(res, MAKE_STATUS(INVALID, "reserved mount"), op->arena,
                              "cannot tune %.*s", STR_ARG(m->path));
    }
    struct mount_change change = {.keyring = op->worker->vault->keyring, .mount = *m};
    struct sys_mounts_config config;
    TRY(check_version(op, engine));
    TRY(read_description(op, &change.mount.description));
    TRY(sys_mounts_config_read(m, op->arena, &config));
    TRY(sys_mounts_config_change(op, res, op->body, &config));
    TRY(sys_mounts_config_write(m->config, &config, op->arena, &change.mount.config));
    TRY(operation_change_catalog(op, put_work, &change));
    return answer_empty(res);
}

static struct status post_mount(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    struct str sent = route_param(req, "path");
    return sys_mounts_path_cut_tune(&sent) ? tune_mount(op, res, sent)
                                           : create_mount(op, res, sent);
}

static struct status delete_mount(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_DELETE));
    struct str path;
    TRY(sys_mounts_path_read(route_param(req, "path"), op->arena, &path));
    const struct mount *m = sys_mounts_path_find(op->catalog, path);
    if (sys_mounts_path_is_reserved(path)) {
        return answer_explain(res, MAKE_STATUS(INVALID, "reserved mount"), op->arena,
                              "cannot unmount %.*s", STR_ARG(path));
    }
    if (m == NULL) {
        return answer_empty(res); // as asked: there is nothing
    }
    struct mount_change change = {.mount = *m};
    struct status s = operation_change_catalog(op, delete_work, &change);
    if (s.code == STATUS_CONFLICT && !str_equal_c(m->type, "kv")) {
        // Only the vault knows the passwords of what is in its care: they don't go by the way.
        return answer_explain(res, s, op->arena,
                              "%.*s has credentials in its care: delete them first", STR_ARG(path));
    }
    TRY(s);
    return answer_empty(res);
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "mounts", list_mounts, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "mounts/*path", get_mount, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "mounts/*path", post_mount, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "mounts/*path", delete_mount, ROUTE_PLAIN},
};

const struct route_table sys_mounts_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
