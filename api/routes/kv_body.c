// SPDX-License-Identifier: ISC
#include "api/routes/kv_routes.h"
#include "vault/secrets/kv/kv_custom.h"

// A hundred years, so that adding it to any time stays in range.
#define DURATION_MAX_S (INT64_C(100) * 366 * 24 * 3600)

static struct status wrong(const struct kv_body *b, const char *name, const char *expected)
{
    return answer_explain(b->res, MAKE_STATUS(INVALID, "a parameter has the wrong type"),
                          b->op->arena, "%s must be %s", name, expected);
}

static bool find(const struct kv_body *b, const char *name, struct json_value *out, bool *out_given)
{
    *out = json_get(b->op->body, name);
    *out_given = json_present(*out) && !json_is_null(*out);
    return *out_given;
}

struct status kv_body_int(const struct kv_body *b, const char *name, int64_t *out, bool *out_given)
{
    struct json_value v;
    int64_t number;
    if (!find(b, name, &v, out_given)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_int(v, &number)) || number < 0) {
        return wrong(b, name, "a whole number that isn't negative");
    }
    *out = number;
    return OK_STATUS;
}

struct status kv_body_bool(const struct kv_body *b, const char *name, bool *out, bool *out_given)
{
    struct json_value v;
    if (find(b, name, &v, out_given) && !status_ok(json_as_bool(v, out))) {
        return wrong(b, name, "true or false");
    }
    return OK_STATUS;
}

static bool is_negative(struct json_value v)
{
    struct str text = json_raw(v);
    return str_starts_with(text, STR("-")) || str_starts_with(text, STR("\"-"));
}

struct status kv_body_duration(const struct kv_body *b, const char *name, int64_t *out,
                               bool *out_given)
{
    struct json_value v;
    int64_t seconds = KV_NEVER_DELETE;
    if (!find(b, name, &v, out_given)) {
        return OK_STATUS;
    }
    if (!is_negative(v) &&
        (!status_ok(json_as_duration_s(v, &seconds)) || seconds > DURATION_MAX_S)) {
        return wrong(b, name, "a duration such as 90s, 5m or 1h30m, of a hundred years at most");
    }
    *out = seconds;
    return OK_STATUS;
}

struct status kv_body_text(const struct kv_body *b, const char *name, size_t max_bytes,
                           struct str *out, bool *out_given)
{
    struct json_value v;
    struct str text;
    if (!find(b, name, &v, out_given)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_str(v, &text)) || !kv_text_printable(text)) {
        return wrong(b, name, "a string without control characters");
    }
    if (text.len > max_bytes) {
        return answer_explain(b->res, MAKE_STATUS(INVALID, "a parameter is too long"), b->op->arena,
                              "%s must not be longer than %zu octets", name, max_bytes);
    }
    *out = text;
    return OK_STATUS;
}

struct status kv_check_patch_type(const struct http_request *req)
{
    struct str type;
    struct str parameters;
    (void)str_split(http_request_header(req, STR("Content-Type")), ';', &type, &parameters);
    if (!str_equal_nocase(str_trim(type), STR("application/merge-patch+json"))) {
        FAIL(MEDIA_TYPE, "PATCH requires Content-Type application/merge-patch+json");
    }
    return OK_STATUS;
}

struct status kv_check_writable(struct str path)
{
    if (str_ends_with(path, STR("/"))) {
        FAIL(INVALID, "cannot write to a path ending in '/'");
    }
    return OK_STATUS;
}
