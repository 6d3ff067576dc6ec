// SPDX-License-Identifier: ISC
// sys/capabilities, -self and -accessor: what a token may do on some paths.
#include "api/routes/route_tables.h"
#include "api/routes/sys_answer.h"
#include "vault/identity/token_find.h"

enum { PATHS_MAX = 256, ANSWER_BYTES = 1024 * 1024 };

static struct status read_paths(const struct operation *op, struct json_strings *out)
{
    struct json_value v = json_get(op->body, "paths");
    if (json_is_null(v)) {
        v = json_get(op->body, "path");
    }
    if (!status_ok(json_as_strings(v, out)) || out->count == 0 || out->count > PATHS_MAX) {
        FAIL(INVALID, "'paths' must be given: a list of 1 to 256 paths");
    }
    return OK_STATUS;
}

static bool came_before(const struct json_strings *paths, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (str_equal(paths->items[j], paths->items[i])) {
            return true;
        }
    }
    return false;
}

static void put_capabilities(struct json_writer *w, uint32_t capabilities)
{
    json_begin_array(w);
    for (uint32_t i = 0; i < POLICY_CAPABILITY_COUNT; i++) {
        if ((capabilities & (UINT32_C(1) << i)) != 0) {
            json_put_string(w, str_from_c(policy_capability_name(i)));
        }
    }
    json_end_array(w);
}

static struct status write_capabilities(const struct acl *acl, const struct json_strings *paths,
                                        struct buffer *text)
{
    struct json_writer w = json_writer_on(text);
    json_begin_object(&w);
    for (size_t i = 0; i < paths->count; i++) {
        if (!came_before(paths, i) && !str_equal_c(paths->items[i], "capabilities")) {
            json_put_key_str(&w, paths->items[i]);
            put_capabilities(&w, acl_capabilities(acl, paths->items[i]));
        }
    }
    if (paths->count == 1) {
        json_put_key(&w, "capabilities");
        put_capabilities(&w, acl_capabilities(acl, paths->items[0]));
    }
    json_end_object(&w);
    return json_writer_status(&w);
}

// A path that is called like a member of the envelope would stand there twice.
static bool hides_envelope(const struct json_strings *paths)
{
    static const char *const members[] = {"auth",      "data",       "lease_duration", "lease_id",
                                          "renewable", "request_id", "warnings",       "wrap_info"};
    for (size_t i = 0; i < paths->count; i++) {
        for (size_t j = 0; j < ARRAY_LEN(members); j++) {
            if (str_equal_c(paths->items[i], members[j])) {
                return true;
            }
        }
    }
    return false;
}

static struct status answer_capabilities(struct operation *op, struct http_response *res,
                                         const struct token *t, const struct json_strings *paths)
{
    const struct catalog_acl_key key = {
        .names = t->policies, .count = t->policy_count, .now_us = op->snapshot.now_us};
    const struct acl *acl;
    TRY(catalog_acl(op->catalog, &key, &acl));
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, ANSWER_BYTES);
    TRY(write_capabilities(acl, paths, &text));
    return hides_envelope(paths) ? sys_answer_data(op, res, &text)
                                 : sys_answer_both(op, res, &text);
}

static struct status post_self(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    struct json_strings paths;
    TRY(read_paths(op, &paths));
    return answer_capabilities(op, res, &op->caller, &paths);
}

static struct status answer_about(struct operation *op, struct http_response *res,
                                  const struct token_target *target)
{
    struct token_found found CLEANUP(token_found_done) = {0};
    TRY(token_enter(op, POLICY_OP_UPDATE, target, &found));
    struct json_strings paths;
    TRY(read_paths(op, &paths));
    if (!found.exists) {
        FAIL(INVALID, "invalid token");
    }
    return answer_capabilities(op, res, &found.token, &paths);
}

// Empty when it isn't given: then no token is found by it.
static struct str read_text(const struct operation *op, const char *name)
{
    struct str text = STR("");
    status_ignore(json_as_str(json_get(op->body, name), &text));
    return text;
}

static struct status post_token(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    (void)req;
    const struct token_target target = {.token = read_text(op, "token")};
    return answer_about(op, res, &target);
}

static struct status post_accessor(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    (void)req;
    const struct token_target target = {.accessor = read_text(op, "accessor")};
    return answer_about(op, res, &target);
}

static const struct route routes[] = {
    {HTTP_ALLOW(POST), "capabilities", post_token, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "capabilities-self", post_self, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "capabilities-accessor", post_accessor, ROUTE_PLAIN},
};

const struct route_table sys_capabilities_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
