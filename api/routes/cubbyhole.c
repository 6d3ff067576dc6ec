// SPDX-License-Identifier: ISC
// The caller's own secrets: cubbyhole/*path. Answers like the first version of kv: `data` is the
// object that was written.
#include "vault/secrets/cubbyhole/cubbyhole.h"

#include "api/routes/answer.h"
#include "api/routes/route_page.h"
#include "api/routes/route_tables.h"

static struct status read_secret(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    struct cubbyhole_load load CLEANUP(cubbyhole_load_done) = {0};
    struct str path = route_param(req, "path");
    struct str value;
    bool exists;
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(cubbyhole_find(op, path, &load, &exists));
    TRY(cubbyhole_read(op, path, &load, &value));
    struct json_writer w = answer_begin(op, res);
    json_put_raw(&w, value);
    return answer_end(&w);
}

static struct status write_secret(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    struct cubbyhole_load load CLEANUP(cubbyhole_load_done) = {0};
    struct str path = route_param(req, "path");
    bool exists;
    TRY(operation_authenticate(op));
    TRY(cubbyhole_find(op, path, &load, &exists));
    TRY(operation_authorise(op, exists ? POLICY_OP_UPDATE : POLICY_OP_CREATE));
    if (str_ends_with(path, STR("/"))) {
        FAIL(INVALID, "cannot write to a path ending in '/'");
    }
    if (json_count(op->body) == 0) {
        FAIL(INVALID, "missing data fields");
    }
    TRY(cubbyhole_put(op, path, json_raw(op->body)));
    return answer_empty(res);
}

static struct status delete_secret(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_DELETE));
    TRY(cubbyhole_remove(op, route_param(req, "path")));
    return answer_empty(res);
}

static struct status list_secrets(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct route_page page;
    struct str folder = {NULL, 0};
    TRY(operation_enter(op, POLICY_OP_LIST));
    TRY(route_page_read(op, req, res, &page));
    (void)http_params_get(&req->params, STR("path"), &folder);
    TRY(route_folder(op, folder, &folder));
    TRY(cubbyhole_list(op, folder, page.after, page.limit, &rows));
    struct str *keys = ARENA_ARRAY(op->arena, struct str, (size_t)rows.count + 1);
    if (keys == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (int i = 0; i < rows.count; i++) {
        keys[i] = store_get_text(&rows, i, 0);
    }
    return answer_keys(op, res, keys, (size_t)rows.count);
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "*path", read_secret, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "*path", write_secret, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "*path", delete_secret, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST), "*path", list_secrets, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST), "", list_secrets, ROUTE_PLAIN},
};

const struct route_table cubbyhole_routes = {
    .mount_type = "cubbyhole", .routes = routes, .count = ARRAY_LEN(routes)};
