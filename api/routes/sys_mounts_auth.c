// SPDX-License-Identifier: ISC
// sys/auth: which auth method is where. There is one, tokens, and it is always there.
#include "api/routes/route_tables.h"
#include "api/routes/sys_answer.h"
#include "api/routes/sys_mounts_config.h"
#include "api/routes/sys_mounts_path.h"

enum { ANSWER_BYTES = 256 * 1024 };

static struct status write_methods(struct operation *op, struct buffer *text)
{
    struct json_writer w = json_writer_on(text);
    json_begin_object(&w);
    for (size_t i = 0; i < catalog_mount_count(op->catalog); i++) {
        const struct mount *m = catalog_mount_at(op->catalog, i);
        if (str_starts_with(m->path, STR("auth/"))) {
            json_put_key_str(&w, str_skip(m->path, 5));
            json_begin_object(&w);
            TRY(sys_mounts_put(&w, m, op->arena));
            json_end_object(&w);
        }
    }
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status list_methods(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_READ));
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, ANSWER_BYTES);
    TRY(write_methods(op, &text));
    return sys_answer_both(op, res, &text);
}

// `tune` tells whether the request is about the settings.
static struct status find_method(struct operation *op, const struct http_request *req,
                                 struct http_response *res, bool *tune, const struct mount **out)
{
    struct str sent = route_param(req, "path");
    *tune = sys_mounts_path_cut_tune(&sent);
    struct str below;
    TRY(sys_mounts_path_read(sent, op->arena, &below));
    struct str path;
    TRY(arena_printf(op->arena, &path, "auth/%.*s", STR_ARG(below)));
    *out = sys_mounts_path_find(op->catalog, path);
    if (*out == NULL) {
        return answer_explain(res, MAKE_STATUS(INVALID, "no such auth method"), op->arena,
                              "No auth engine at %.*s", STR_ARG(below));
    }
    return OK_STATUS;
}

static struct status get_method(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_READ));
    bool tune;
    const struct mount *m;
    TRY(find_method(op, req, res, &tune, &m));
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, ANSWER_BYTES);
    struct json_writer w = json_writer_on(&text);
    if (tune) {
        TRY(sys_mounts_put_tuning(&w, m, op));
    } else {
        json_begin_object(&w);
        TRY(sys_mounts_put(&w, m, op->arena));
        json_end_object(&w);
    }
    return sys_answer_both(op, res, &text);
}

static struct status post_method(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    TRY(operation_require_sudo(op));
    struct str sent = route_param(req, "path");
    if (sys_mounts_path_cut_tune(&sent)) {
        FAIL(INVALID, "auth methods can't be tuned: tokens live as long as the server's "
                      "default_lease_ttl and max_lease_ttl say");
    }
    struct str type = STR("");
    status_ignore(json_as_str(json_get(op->body, "type"), &type)); // for the message only
    return answer_explain(res, MAKE_STATUS(INVALID, "no such auth method"), op->arena,
                          "auth method \"%.*s\" can't be enabled: there is only token, which "
                          "always is",
                          STR_ARG(type));
}

static struct status delete_method(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_DELETE));
    TRY(operation_require_sudo(op));
    struct str below;
    TRY(sys_mounts_path_read(route_param(req, "path"), op->arena, &below));
    if (str_equal_c(below, "token/")) {
        FAIL(INVALID, "token credential backend cannot be disabled");
    }
    return answer_empty(res); // as asked: there is nothing
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "auth", list_methods, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "auth/*path", get_method, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "auth/*path", post_method, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "auth/*path", delete_method, ROUTE_PLAIN},
};

const struct route_table sys_mounts_auth_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
