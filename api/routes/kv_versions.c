// SPDX-License-Identifier: ISC
// The states of versions: delete/*path, undelete/*path and destroy/*path.
#include "api/routes/kv_routes.h"

static struct status read_text_numbers(struct arena *arena, struct str text, int64_t **out,
                                       size_t *out_count)
{
    int64_t *numbers = ARENA_ARRAY(arena, int64_t, text.len / 2 + 1);
    size_t count = 0;
    if (numbers == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    while (text.len > 0) {
        struct str head;
        (void)str_split(text, ',', &head, &text);
        TRY(str_parse_int(str_trim(head), &numbers[count]));
        count++;
    }
    *out = numbers;
    *out_count = count;
    return OK_STATUS;
}

// [1, 2], also as "1,2" or 1.
static struct status read_numbers(struct arena *arena, struct json_value v, int64_t **out,
                                  size_t *out_count)
{
    if (json_kind(v) == JSON_STRING) {
        struct str text;
        TRY(json_as_str(v, &text));
        return read_text_numbers(arena, text, out, out_count);
    }
    int64_t *numbers = ARENA_ARRAY(arena, int64_t, (size_t)json_count(v) + 1);
    size_t count = 0;
    if (numbers == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    if (json_kind(v) == JSON_NUMBER) {
        TRY(json_as_int(v, &numbers[count++]));
    } else if (json_kind(v) != JSON_ARRAY && json_kind(v) != JSON_NONE && !json_is_null(v)) {
        FAIL(INVALID, "not a list");
    }
    struct json_iter it = json_iterate(v);
    while (json_next(&it)) {
        TRY(json_as_int(it.value, &numbers[count]));
        count++;
    }
    *out = numbers;
    *out_count = count;
    return OK_STATUS;
}

static struct status read_versions(const struct operation *op, struct http_response *res,
                                   struct kv_versions *out)
{
    int64_t *numbers;
    struct status s =
        read_numbers(op->arena, json_get(op->body, "versions"), &numbers, &out->count);
    if (s.code == STATUS_INVALID) {
        return answer_explain(res, s, op->arena, "versions must be a list of whole numbers");
    }
    TRY(s);
    if (out->count == 0) {
        return answer_explain(res, MAKE_STATUS(INVALID, "no versions"), op->arena,
                              "No version number provided");
    }
    if (out->count > LIMIT_KV_VERSIONS) {
        return answer_explain(res, MAKE_STATUS(INVALID, "too many versions"), op->arena,
                              "no more than %d versions at once", LIMIT_KV_VERSIONS);
    }
    out->numbers = numbers;
    return OK_STATUS;
}

static struct status change(struct operation *op, const struct http_request *req,
                            struct http_response *res, enum kv_version_change what)
{
    struct kv_versions versions = {.change = what, .operation = POLICY_OP_UPDATE};
    struct kv_load load CLEANUP(kv_load_done) = {0};
    TRY(kv_load_submit(op, route_param(req, "path"), KV_NO_VERSION, &load));
    TRY(operation_authenticate(op));
    TRY(read_versions(op, res, &versions));
    TRY(kv_change(op, &load, &versions));
    return answer_empty(res);
}

struct status kv_delete_versions(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    return change(op, req, res, KV_DELETE);
}

struct status kv_undelete_versions(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    return change(op, req, res, KV_UNDELETE);
}

struct status kv_destroy_versions(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    return change(op, req, res, KV_DESTROY);
}
