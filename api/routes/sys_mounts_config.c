// SPDX-License-Identifier: ISC
#include "api/routes/sys_mounts_config.h"

#include "vault/base/merge_patch.h"

enum { CONFIG_BYTES = 64 * 1024 };

static struct status parse(struct str stored, struct arena *arena, struct json_value *out)
{
    struct status s = json_parse(stored, NULL, arena, out, NULL);
    if (s.code == STATUS_INVALID) {
        FAIL(INTEGRITY, "the mount's configuration can't be read");
    }
    return s;
}

struct status sys_mounts_config_read(const struct mount *m, struct arena *arena,
                                     struct sys_mounts_config *out)
{
    struct json_value stored;
    TRY(parse(m->config, arena, &stored));
    struct sys_mounts_config config = {0};
    if (json_present(json_get(stored, "max_lease_ttl"))) {
        TRY(json_as_int(json_get(stored, "default_lease_ttl"), &config.default_lease_ttl_s));
        TRY(json_as_int(json_get(stored, "max_lease_ttl"), &config.max_lease_ttl_s));
        TRY(json_as_bool(json_get(stored, "hidden"), &config.hidden));
    }
    *out = config;
    return OK_STATUS;
}

// "system" is the server's own; empty text, as command-line clients send it, changes nothing.
static struct status take_ttl(const struct operation *op, struct http_response *res,
                              struct json_value v, const char *name, int64_t *ttl_s)
{
    struct str text = {NULL, 0};
    bool is_text = json_kind(v) == JSON_STRING && status_ok(json_as_str(v, &text));
    if (json_is_null(v) || (is_text && text.len == 0)) {
        return OK_STATUS;
    }
    if (is_text && str_equal_c(text, "system")) {
        *ttl_s = 0;
        return OK_STATUS;
    }
    int64_t given_s;
    if (!status_ok(json_as_duration_s(v, &given_s))) {
        return answer_explain(res, MAKE_STATUS(INVALID, "not a duration"), op->arena,
                              "%s must be a duration such as 3600 or \"1h\"", name);
    }
    *ttl_s = given_s;
    return OK_STATUS;
}

static struct status take_visibility(struct json_value v, bool *hidden)
{
    struct str text;
    if (json_is_null(v)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_str(v, &text)) || str_equal_c(text, "unauth") ||
        (text.len > 0 && !str_equal_c(text, "hidden"))) {
        FAIL(INVALID, "listing_visibility must be \"\" or \"hidden\": mounts aren't shown to "
                      "clients without a token");
    }
    *hidden = text.len > 0;
    return OK_STATUS;
}

static bool is_set(struct json_value v)
{
    switch (json_kind(v)) {
    case JSON_BOOL:
        return str_equal_c(json_raw(v), "true");
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_count(v) > 0;
    case JSON_STRING:
        return json_raw(v).len > 2;
    case JSON_NUMBER:
        return true;
    case JSON_NONE:
    case JSON_NULL:
        break;
    }
    return false;
}

// To take these and do nothing would be to promise what isn't kept.
static struct status refuse_ineffective(const struct operation *op, struct http_response *res,
                                        struct json_value parameters)
{
    static const char *const names[] = {
        "allowed_managed_keys",
        "allowed_response_headers",
        "audit_non_hmac_request_keys",
        "audit_non_hmac_response_keys",
        "external_entropy_access",
        "local",
        "passthrough_request_headers",
        "plugin_version",
        "seal_wrap",
        "token_type",
        "user_lockout_config",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (is_set(json_get(parameters, names[i]))) {
            return answer_explain(res, MAKE_STATUS(INVALID, "unsupported setting"), op->arena,
                                  "%s isn't supported: leave it out", names[i]);
        }
    }
    return OK_STATUS;
}

static int64_t or_else(int64_t own_s, int64_t servers_s)
{
    return own_s > 0 ? own_s : servers_s;
}

static struct status check_ttls(const struct operation *op, const struct sys_mounts_config *c)
{
    int64_t max_s =
        c->max_lease_ttl_s > 0 ? c->max_lease_ttl_s : op->worker->vault->max_lease_ttl_s;
    if (c->default_lease_ttl_s > max_s) {
        FAIL(INVALID, "the default lease TTL is greater than the maximum lease TTL");
    }
    return OK_STATUS;
}

struct status sys_mounts_config_change(const struct operation *op, struct http_response *res,
                                       struct json_value parameters,
                                       struct sys_mounts_config *config)
{
    struct sys_mounts_config changed = *config;
    TRY(refuse_ineffective(op, res, parameters));
    TRY(take_ttl(op, res, json_get(parameters, "default_lease_ttl"), "default_lease_ttl",
                 &changed.default_lease_ttl_s));
    TRY(take_ttl(op, res, json_get(parameters, "max_lease_ttl"), "max_lease_ttl",
                 &changed.max_lease_ttl_s));
    TRY(take_visibility(json_get(parameters, "listing_visibility"), &changed.hidden));
    TRY(check_ttls(op, &changed));
    *config = changed;
    return OK_STATUS;
}

static struct status merge(struct str stored, struct str patch, struct arena *arena,
                           struct buffer *out)
{
    struct json_value target;
    struct json_value changes;
    TRY(parse(stored, arena, &target));
    TRY(parse(patch, arena, &changes));
    return merge_patch_apply(target, changes, arena, out);
}

struct status sys_mounts_config_write(struct str stored, const struct sys_mounts_config *config,
                                      struct arena *arena, struct str *out)
{
    struct str patch;
    TRY(arena_printf(arena, &patch,
                     "{\"default_lease_ttl\":%lld,\"max_lease_ttl\":%lld,\"hidden\":%s}",
                     (long long)config->default_lease_ttl_s, (long long)config->max_lease_ttl_s,
                     config->hidden ? "true" : "false"));
    struct buffer merged CLEANUP(buffer_done);
    buffer_init(&merged, CONFIG_BYTES);
    TRY(merge(stored, patch, arena, &merged));
    TRY(buffer_status(&merged));
    return arena_copy_str(arena, buffer_str(&merged), out);
}

// What only some mounts have.
static void put_special(struct json_writer *w, const struct mount *m,
                        const struct sys_mounts_config *config)
{
    if (config->hidden) {
        json_add_string(w, "listing_visibility", STR("hidden"));
    }
    if (str_equal_c(m->type, "token")) {
        json_add_string(w, "token_type", STR("default-service"));
    }
}

static void put_config(struct json_writer *w, const struct mount *m,
                       const struct sys_mounts_config *config)
{
    json_put_key(w, "config");
    json_begin_object(w);
    json_add_int(w, "default_lease_ttl", config->default_lease_ttl_s);
    json_add_bool(w, "force_no_cache", false);
    json_add_int(w, "max_lease_ttl", config->max_lease_ttl_s);
    put_special(w, m, config);
    json_end_object(w);
}

struct status sys_mounts_put(struct json_writer *w, const struct mount *m, struct arena *arena)
{
    struct sys_mounts_config config;
    TRY(sys_mounts_config_read(m, arena, &config));
    char id[UUID_TEXT_BYTES];
    uuid_format(m->id, id);
    json_add_string(w, "accessor", m->accessor);
    put_config(w, m, &config);
    json_add_string(w, "description", m->description);
    json_add_bool(w, "external_entropy_access", false);
    json_add_bool(w, "local", false);
    json_add_raw(w, "options", str_equal_c(m->options, "{}") ? STR("null") : m->options);
    json_add_string(w, "plugin_version", STR(""));
    json_add_string(w, "running_plugin_version", STR(""));
    json_add_string(w, "running_sha256", STR(""));
    json_add_bool(w, "seal_wrap", false);
    json_add_string(w, "type", m->type);
    json_add_string(w, "uuid", str_from_c(id));
    return OK_STATUS;
}

struct status sys_mounts_put_tuning(struct json_writer *w, const struct mount *m,
                                    const struct operation *op)
{
    const struct vault *v = op->worker->vault;
    struct sys_mounts_config config;
    TRY(sys_mounts_config_read(m, op->arena, &config));
    int64_t max_s = or_else(config.max_lease_ttl_s, v->max_lease_ttl_s);
    int64_t default_s = or_else(config.default_lease_ttl_s, v->default_lease_ttl_s);
    json_begin_object(w);
    json_add_int(w, "default_lease_ttl", default_s < max_s ? default_s : max_s);
    json_add_string(w, "description", m->description);
    json_add_bool(w, "force_no_cache", false);
    json_add_int(w, "max_lease_ttl", max_s);
    put_special(w, m, &config);
    if (!str_equal_c(m->options, "{}")) {
        json_add_raw(w, "options", m->options);
    }
    json_end_object(w);
    return json_writer_status(w);
}
