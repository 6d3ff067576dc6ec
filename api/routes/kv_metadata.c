// SPDX-License-Identifier: ISC
// What is known of a secret beside its values: metadata/*path.
#include "api/routes/kv_routes.h"

struct status kv_read_metadata(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    struct kv_load load CLEANUP(kv_load_done) = {0};
    struct kv_states states CLEANUP(kv_states_done) = {0};
    struct kv_secret secret;
    struct kv_version *versions;
    size_t count;
    TRY(kv_load_submit(op, route_param(req, "path"), KV_NO_VERSION, &load));
    kv_states_submit(op, &load, &states);
    TRY(operation_authenticate(op));
    TRY(operation_authorise(op, POLICY_OP_READ));
    TRY(kv_load_wait(op, &load, &secret));
    if (!secret.exists) {
        FAIL(NOT_FOUND, "");
    }
    TRY(kv_states_wait(op, &states, &secret.head, &versions, &count));
    struct json_writer w = answer_begin(op, res);
    kv_put_metadata(&w, &secret.head, versions, count);
    return answer_end(&w);
}

static void mark(struct kv_settings *s, enum kv_setting setting, bool given)
{
    if (given) {
        s->given |= (uint32_t)setting;
    }
}

// A patch sets back to their defaults what it names as null; otherwise null says nothing.
static void mark_nulls(const struct operation *op, struct kv_settings *s)
{
    static const struct {
        const char *name;
        enum kv_setting setting;
    } names[] = {
        {"max_versions", KV_SET_MAX_VERSIONS},
        {"cas_required", KV_SET_CAS_REQUIRED},
        {"delete_version_after", KV_SET_DELETE_AFTER},
        {"custom_metadata", KV_SET_CUSTOM},
        {"owner", KV_SET_OWNER},
        {"expires_at", KV_SET_EXPIRES},
        {"description", KV_SET_DESCRIPTION},
    };
    for (size_t i = 0; s->patch && i < ARRAY_LEN(names); i++) {
        struct json_value v = json_get(op->body, names[i].name);
        mark(s, names[i].setting, json_present(v) && json_is_null(v));
    }
}

static struct status read_numbers(const struct kv_body *body, struct kv_settings *s)
{
    bool given;
    TRY(kv_body_int(body, "max_versions", &s->max_versions, &given));
    mark(s, KV_SET_MAX_VERSIONS, given);
    TRY(kv_body_bool(body, "cas_required", &s->cas_required, &given));
    mark(s, KV_SET_CAS_REQUIRED, given);
    TRY(kv_body_duration(body, "delete_version_after", &s->delete_version_after_s, &given));
    mark(s, KV_SET_DELETE_AFTER, given);
    if (s->max_versions > LIMIT_KV_VERSIONS) {
        return answer_explain(body->res, MAKE_STATUS(INVALID, "too many versions"), body->op->arena,
                              "max_versions must not be above %d", LIMIT_KV_VERSIONS);
    }
    if (s->delete_version_after_s < 0) {
        FAIL(INVALID, "delete_version_after must not be negative; 0 takes the mount's");
    }
    return OK_STATUS;
}

static struct status read_expiry(const struct kv_body *body, struct kv_settings *s)
{
    struct str text = STR("");
    bool given;
    TRY(kv_body_text(body, "expires_at", CLOCK_TEXT_BYTES + 8, &text, &given));
    mark(s, KV_SET_EXPIRES, given);
    if (text.len > 0 && !status_ok(clock_parse(text, &s->expires_us))) {
        FAIL(INVALID, "expires_at must be a time such as 2027-01-31T12:00:00Z (RFC 3339)");
    }
    return OK_STATUS;
}

static struct status read_texts(const struct kv_body *body, struct kv_settings *s)
{
    bool given;
    TRY(kv_body_text(body, "owner", LIMIT_NAME_BYTES, &s->owner, &given));
    mark(s, KV_SET_OWNER, given);
    TRY(kv_body_text(body, "description", LIMIT_METADATA_VALUE_BYTES, &s->description, &given));
    mark(s, KV_SET_DESCRIPTION, given);
    TRY(read_expiry(body, s));
    struct json_value custom = json_get(body->op->body, "custom_metadata");
    if (json_present(custom) && !json_is_null(custom)) {
        s->custom = custom;
        mark(s, KV_SET_CUSTOM, true);
    }
    return OK_STATUS;
}

static struct status read_settings(struct operation *op, struct http_response *res,
                                   struct kv_settings *s)
{
    const struct kv_body body = {op, res};
    s->expires_us = CLOCK_NEVER;
    TRY(read_numbers(&body, s));
    TRY(read_texts(&body, s));
    mark_nulls(op, s);
    return OK_STATUS;
}

// Says when a setting has no effect.
static struct status answer_settings(struct operation *op, struct http_response *res,
                                     const struct kv_settings *s)
{
    struct kv_config config;
    TRY(kv_config_read(op->mount, op->arena, &config));
    bool ignored = (s->given & KV_SET_CAS_REQUIRED) != 0 && !s->cas_required && config.cas_required;
    if (!ignored) {
        return answer_empty(res);
    }
    const struct answer_extra extra = {
        .warnings = STR("[\"\\\"cas_required\\\" set to false, but is mandated by backend config. "
                        "This value will be ignored.\"]")};
    return answer_whole(op, res, &extra);
}

static struct status change_settings(struct operation *op, const struct http_request *req,
                                     struct http_response *res, bool patch)
{
    struct kv_load load CLEANUP(kv_load_done) = {0};
    struct kv_settings settings = {.patch = patch};
    TRY(kv_load_submit(op, route_param(req, "path"), KV_NO_VERSION, &load));
    TRY(operation_authenticate(op));
    if (patch) {
        TRY(kv_check_patch_type(req));
    }
    TRY(kv_check_writable(load.path));
    TRY(read_settings(op, res, &settings));
    TRY(kv_set(op, &load, &settings));
    return answer_settings(op, res, &settings);
}

struct status kv_write_metadata(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    return change_settings(op, req, res, false);
}

struct status kv_patch_metadata(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    return change_settings(op, req, res, true);
}

struct status kv_delete_metadata(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    struct kv_load load CLEANUP(kv_load_done) = {0};
    TRY(kv_load_submit(op, route_param(req, "path"), KV_NO_VERSION, &load));
    TRY(operation_authenticate(op));
    TRY(kv_remove(op, &load));
    return answer_empty(res);
}
