// SPDX-License-Identifier: ISC
// sys/internal/ui/mounts: the mounts that the caller's policies reach. Command-line clients ask it
// before they read a secret, to learn the version of the engine. No policy is needed for the path
// itself.
#include "api/routes/route_tables.h"
#include "api/routes/sys_answer.h"
#include "api/routes/sys_mounts_config.h"
#include "vault/base/limits.h"

static struct status enter(struct operation *op, const struct acl **out)
{
    op->operation = STR("read");
    TRY(operation_authenticate(op));
    return operation_acl(op, out);
}

static bool is_visible(const struct acl *acl, const struct mount *m)
{
    return acl_reaches(acl, m->path);
}

struct listing {
    struct operation *op;
    const struct acl *acl; // NULL: nobody asks, so nothing is shown
    struct json_writer *w;
};

static struct status put_listed(const struct listing *l, const struct mount *m, size_t skip)
{
    struct sys_mounts_config config;
    TRY(sys_mounts_config_read(m, l->op->arena, &config));
    if (config.hidden || !is_visible(l->acl, m)) {
        return OK_STATUS;
    }
    json_put_key_str(l->w, str_skip(m->path, skip));
    json_begin_object(l->w);
    TRY(sys_mounts_put(l->w, m, l->op->arena));
    json_end_object(l->w);
    return OK_STATUS;
}

static struct status put_group(const struct listing *l, const char *name, bool auth)
{
    json_put_key(l->w, name);
    json_begin_object(l->w);
    for (size_t i = 0; l->acl != NULL && i < catalog_mount_count(l->op->catalog); i++) {
        const struct mount *m = catalog_mount_at(l->op->catalog, i);
        if (str_starts_with(m->path, STR("auth/")) == auth) {
            TRY(put_listed(l, m, auth ? 5 : 0));
        }
    }
    json_end_object(l->w);
    return OK_STATUS;
}

static struct status list_visible(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    (void)req;
    const struct acl *acl = NULL;
    op->operation = STR("read");
    if (op->token_text.len > 0) {
        TRY(enter(op, &acl));
    }
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_RESPONSE_BYTES / 2);
    struct json_writer w = json_writer_on(&text);
    const struct listing l = {op, acl, &w};
    json_begin_object(&w);
    TRY(put_group(&l, "auth", true));
    TRY(put_group(&l, "secret", false));
    json_end_object(&w);
    return sys_answer_data(op, res, &text);
}

// Whether there is no mount or none for the caller makes no difference to the answer.
static struct status refuse(struct operation *op, struct http_response *res, struct str path)
{
    struct str bare = str_ends_with(path, STR("/")) ? str_first(path, path.len - 1) : path;
    op->reason = "no policy reaches the mount";
    return answer_explain(res, MAKE_STATUS(DENIED, "permission denied"), op->arena,
                          "preflight capability check returned 403, please ensure client's "
                          "policies grant access to path \"%.*s/\"",
                          STR_ARG(bare));
}

static struct status show_visible(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    const struct acl *acl;
    TRY(enter(op, &acl));
    struct str path = route_param(req, "path");
    struct str folder;
    TRY(arena_printf(op->arena, &folder, "%.*s/", STR_ARG(path)));
    const struct mount *m = catalog_mount_of(op->catalog, folder);
    if (m == NULL || !is_visible(acl, m)) {
        return refuse(op, res, path);
    }
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_RESPONSE_BYTES / 2);
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    json_add_string(&w, "path", m->path);
    TRY(sys_mounts_put(&w, m, op->arena));
    json_end_object(&w);
    return sys_answer_data(op, res, &text);
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "internal/ui/mounts", list_visible, ROUTE_NO_TOKEN},
    {HTTP_ALLOW(GET), "internal/ui/mounts/*path", show_visible, ROUTE_PLAIN},
};

const struct route_table sys_internal_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
