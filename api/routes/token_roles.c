// SPDX-License-Identifier: ISC
// auth/token/roles: the terms of tokens that are made at auth/token/create/:role.
#include "api/routes/route_page.h"
#include "api/routes/route_tables.h"
#include "api/routes/sys_answer.h"
#include "vault/identity/token_limits.h"
#include "vault/identity/token_role_request.h"

enum { ROLE_BYTES = 256 * 1024 };

// ---- listing and reading

static struct status list_roles(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    struct route_page page;
    TRY(operation_enter(op, POLICY_OP_LIST));
    TRY(route_page_read(op, req, res, &page));
    size_t all = catalog_role_count(op->catalog);
    struct str *names = ARENA_ARRAY(op->arena, struct str, all + 1);
    if (names == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    size_t count = 0;
    for (size_t i = 0; i < all && (page.limit == 0 || count < (size_t)page.limit); i++) {
        struct str name = catalog_role_at(op->catalog, i)->name;
        if (str_compare(name, page.after) > 0) {
            names[count++] = name;
        }
    }
    return answer_keys(op, res, names, count);
}

static void put_list(struct json_writer *w, const char *key, const struct json_strings *list)
{
    json_add_strings(w, key, list->items, list->count);
}

static void put_role(struct json_writer *w, const struct token_role *role)
{
    json_begin_object(w);
    json_add_string(w, "name", role->name);
    put_list(w, "allowed_policies", &role->allowed_policies);
    put_list(w, "disallowed_policies", &role->disallowed_policies);
    put_list(w, "allowed_policies_glob", &role->allowed_policies_glob);
    put_list(w, "disallowed_policies_glob", &role->disallowed_policies_glob);
    json_add_null(w, "allowed_entity_aliases");
    json_add_bool(w, "orphan", role->orphan);
    json_add_string(w, "path_suffix", role->path_suffix);
    json_add_bool(w, "renewable", role->renewable);
    json_add_string(w, "token_type", role->token_type);
    json_add_bool(w, "token_no_default_policy", role->no_default_policy);
    json_add_int(w, "token_period", role->period_s);
    json_add_int(w, "token_explicit_max_ttl", role->explicit_max_ttl_s);
    // Clients expect the old names too; what was set by them is told under the new ones.
    json_add_int(w, "period", 0);
    json_add_int(w, "explicit_max_ttl", 0);
    if (role->bound_cidrs.count > 0) {
        put_list(w, "token_bound_cidrs", &role->bound_cidrs);
    }
    if (role->num_uses > 0) {
        json_add_int(w, "token_num_uses", role->num_uses);
    }
    json_end_object(w);
}

static struct status get_role(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_READ));
    const struct token_role *role = catalog_role(op->catalog, route_param(req, "name"));
    if (role == NULL) {
        FAIL(NOT_FOUND, "");
    }
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, ROLE_BYTES);
    struct json_writer w = json_writer_on(&text);
    put_role(&w, role);
    TRY(json_writer_status(&w));
    return sys_answer_data(op, res, &text);
}

// ---- writing

struct role_change {
    const struct keyring *keyring;
    struct token_role role;
};

static struct status put_work(struct session *s, void *arg)
{
    const struct role_change *c = arg;
    return token_role_put(c->keyring, s, &c->role);
}

static struct status delete_work(struct session *s, void *arg)
{
    const struct role_change *c = arg;
    return token_role_delete(s, c->role.namespace_id, c->role.name);
}

// As it is, or as it is before anybody has said anything.
static struct status begin_role(struct operation *op, struct str name, struct token_role *out)
{
    const struct token_role *stored = catalog_role(op->catalog, name);
    TRY(operation_authorise(op, stored == NULL ? POLICY_OP_CREATE : POLICY_OP_UPDATE));
    if (stored == NULL) {
        return token_role_new(op->namespace_id, name, out);
    }
    *out = *stored;
    return OK_STATUS;
}

static struct status write_warnings(const struct operation *op, const struct token_role *role,
                                    struct buffer *text)
{
    static const struct {
        const char *old_name;
        const char *name;
    } names[] = {{"period", "token_period"},
                 {"bound_cidrs", "token_bound_cidrs"},
                 {"explicit_max_ttl", "token_explicit_max_ttl"}};
    struct json_writer w = json_writer_on(text);
    json_begin_array(&w);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (json_is_null(json_get(op->body, names[i].old_name))) {
            continue;
        }
        bool both = !json_is_null(json_get(op->body, names[i].name));
        struct str warning;
        TRY(arena_printf(op->arena, &warning,
                         both ? "Both '%s' and deprecated '%s' value supplied, ignoring the "
                                "deprecated value"
                              : "stored as '%s': '%s' is deprecated",
                         names[i].name, names[i].old_name));
        json_put_string(&w, warning);
    }
    int64_t most_s = token_limits(op->worker->vault).max_ttl_s;
    if (role->explicit_max_ttl_s > most_s) {
        struct str warning;
        TRY(arena_printf(op->arena, &warning,
                         "Given explicit max TTL of %lld is greater than system/mount allowed "
                         "value of %lld seconds",
                         (long long)role->explicit_max_ttl_s, (long long)most_s));
        json_put_string(&w, warning);
    }
    json_end_array(&w);
    return json_writer_status(&w);
}

static struct status answer_written(const struct operation *op, struct http_response *res,
                                    const struct token_role *role)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, ROLE_BYTES);
    TRY(write_warnings(op, role, &text));
    if (str_equal_c(buffer_str(&text), "[]")) {
        return answer_empty(res);
    }
    const struct answer_extra extra = {.warnings = buffer_str(&text)};
    return answer_whole(op, res, &extra);
}

static struct status post_role(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    TRY(operation_authenticate(op));
    struct role_change change = {.keyring = op->worker->vault->keyring};
    TRY(begin_role(op, route_param(req, "name"), &change.role));
    const char *field = "";
    struct status s = token_role_read(op->body, op->arena, &change.role, &field);
    if (!status_ok(s)) {
        return answer_explain(res, s, op->arena, "%s: %s", field, s.what);
    }
    TRY(operation_change_catalog(op, put_work, &change));
    return answer_written(op, res, &change.role);
}

static struct status delete_role(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_DELETE));
    const struct token_role *stored = catalog_role(op->catalog, route_param(req, "name"));
    if (stored == NULL) {
        return answer_empty(res); // as asked: there is none
    }
    struct role_change change = {.keyring = op->worker->vault->keyring, .role = *stored};
    TRY(operation_change_catalog(op, delete_work, &change));
    return answer_empty(res);
}

static const struct route routes[] = {
    {HTTP_ALLOW(LIST), "roles", list_roles, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "roles/:name", get_role, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "roles/:name", post_role, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "roles/:name", delete_role, ROUTE_PLAIN},
};

const struct route_table token_roles_routes = {
    .prefix = "auth/token", .routes = routes, .count = ARRAY_LEN(routes)};
