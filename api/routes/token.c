// SPDX-License-Identifier: ISC
// auth/token: making tokens, looking them up, renewing and revoking them.
#include "api/routes/route_tables.h"
#include "api/routes/token_answer.h"
#include "vault/identity/token_create.h"
#include "vault/identity/token_find.h"
#include "vault/identity/token_list.h"
#include "vault/identity/token_renew.h"
#include "vault/identity/token_revoke.h"

// ---- create

static struct status read_request(struct operation *op, struct http_response *res,
                                  struct token_request *out)
{
    const char *field = "";
    struct status s = token_request_read(op->body, out, &field);
    return status_ok(s) ? s : answer_explain(res, s, op->arena, "%s: %s", field, s.what);
}

static struct status create(struct operation *op, struct http_response *res,
                            const struct token_create_way *way)
{
    struct token_request request;
    TRY(read_request(op, res, &request));
    struct token_created made CLEANUP(token_created_done) = {0};
    TRY(token_create(op, &request, way, &made));
    struct token_auth auth = {.token = &made.token,
                              .client_token = str_from_bytes(secret_view(made.secret)),
                              .lease_duration_s = made.token.ttl_s};
    TRY(token_answer_warnings(op, &made.token, &made.notes, &auth.warnings));
    return token_answer_auth(op, res, &auth);
}

static struct status post_create(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    return create(op, res, &(struct token_create_way){false, NULL});
}

static struct status post_create_orphan(struct operation *op, struct http_request *req,
                                        struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    return create(op, res, &(struct token_create_way){true, NULL});
}

static struct status post_create_by_role(struct operation *op, struct http_request *req,
                                         struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    struct str name = route_param(req, "role");
    const struct token_role *role = catalog_role(op->catalog, name);
    if (role == NULL) {
        return answer_explain(res, MAKE_STATUS(INVALID, "unknown role"), op->arena,
                              "unknown role %.*s", STR_ARG(name));
    }
    return create(op, res, &(struct token_create_way){false, role});
}

// ---- which token

// A text of the body. Empty when it isn't there; INVALID when it isn't text.
static struct status read_text(const struct operation *op, const char *name, struct str *out)
{
    struct json_value v = json_get(op->body, name);
    return json_is_null(v) ? OK_STATUS : json_as_str(v, out);
}

// Only who may go there learns what is missing.
static struct status refuse_missing(struct operation *op, struct status why)
{
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    return why;
}

static struct status enter_by_token(struct operation *op, struct str token, struct token_found *out)
{
    if (token.len == 0) {
        return refuse_missing(op, MAKE_STATUS(INVALID, "missing token ID"));
    }
    const struct token_target target = {.token = token};
    return token_enter(op, POLICY_OP_UPDATE, &target, out);
}

static struct status enter_by_accessor(struct operation *op, struct token_found *out)
{
    struct token_target target = {0};
    TRY(read_text(op, "accessor", &target.accessor));
    if (target.accessor.len == 0) {
        return refuse_missing(op, MAKE_STATUS(INVALID, "missing accessor"));
    }
    return token_enter(op, POLICY_OP_UPDATE, &target, out);
}

// ---- lookup

static int64_t uses_after(const struct operation *op, const struct token *t)
{
    if (t->num_uses == 0 || !uuid_equal(t->id, op->caller.id)) {
        return t->uses_left;
    }
    // This request counts too. 0 would read as unlimited.
    return t->uses_left > 1 ? t->uses_left - 1 : -1;
}

static struct status answer_view(const struct operation *op, struct http_response *res,
                                 const struct token *t, struct str id)
{
    const struct token_view view = {.token = t, .id = id, .uses_left = uses_after(op, t)};
    return token_answer_view(op, res, &view);
}

static struct status get_lookup_self(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    TRY(operation_enter(op, req->method == HTTP_POST ? POLICY_OP_UPDATE : POLICY_OP_READ));
    return answer_view(op, res, &op->caller, op->token_text);
}

static struct status post_lookup(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    (void)req;
    struct str token = {NULL, 0};
    TRY(read_text(op, "token", &token));
    if (token.len == 0) {
        token = op->token_text; // clients look themselves up in this way too
    }
    struct token_found found CLEANUP(token_found_done) = {0};
    TRY(enter_by_token(op, token, &found));
    if (!found.exists) {
        FAIL(DENIED, "bad token");
    }
    return answer_view(op, res, &found.token, token);
}

static struct status post_lookup_accessor(struct operation *op, struct http_request *req,
                                          struct http_response *res)
{
    (void)req;
    struct token_found found CLEANUP(token_found_done) = {0};
    TRY(enter_by_accessor(op, &found));
    if (!found.exists) {
        FAIL(INVALID, "invalid accessor");
    }
    return answer_view(op, res, &found.token, STR(""));
}

// ---- renew

static struct status renew(struct operation *op, struct http_response *res,
                           struct token_found *found, struct str client_token)
{
    int64_t increment_s = 0;
    struct status s = token_request_duration(json_get(op->body, "increment"), &increment_s);
    if (!status_ok(s)) {
        return answer_explain(res, s, op->arena, "increment: %s", s.what);
    }
    if (!found->exists) {
        FAIL(INVALID, "token not found");
    }
    struct token_lifetime life;
    s = token_renew(op, found, increment_s, &life);
    if (s.code == STATUS_NOT_FOUND) {
        FAIL(INVALID, "token not found");
    }
    TRY(s);
    struct token_auth auth = {
        .token = &found->token, .client_token = client_token, .lease_duration_s = life.ttl_s};
    if (life.capped) {
        auth.warnings = STR("[\"TTL exceeded the effective max_ttl; it is capped accordingly\"]");
    }
    return token_answer_auth(op, res, &auth);
}

static struct status renew_by_token(struct operation *op, struct http_response *res,
                                    struct str token)
{
    struct token_found found CLEANUP(token_found_done) = {0};
    TRY(enter_by_token(op, token, &found));
    return renew(op, res, &found, token);
}

static struct status post_renew(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    (void)req;
    struct str token = {NULL, 0};
    TRY(read_text(op, "token", &token));
    return renew_by_token(op, res, token);
}

static struct status post_renew_self(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    (void)req;
    return renew_by_token(op, res, op->token_text);
}

static struct status post_renew_accessor(struct operation *op, struct http_request *req,
                                         struct http_response *res)
{
    (void)req;
    struct token_found found CLEANUP(token_found_done) = {0};
    TRY(enter_by_accessor(op, &found));
    if (!found.exists) {
        FAIL(INVALID, "invalid accessor");
    }
    return renew(op, res, &found, STR(""));
}

// ---- revoke

static struct status revoke_by_token(struct operation *op, struct http_response *res,
                                     struct str token)
{
    struct token_found found CLEANUP(token_found_done) = {0};
    TRY(enter_by_token(op, token, &found));
    if (found.exists) {
        TRY(token_revoke(op, &found.token));
    }
    return answer_empty(res); // unknown tokens are as good as revoked
}

static struct status post_revoke(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    (void)req;
    struct str token = {NULL, 0};
    TRY(read_text(op, "token", &token));
    return revoke_by_token(op, res, token);
}

static struct status post_revoke_self(struct operation *op, struct http_request *req,
                                      struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    TRY(token_revoke(op, &op->caller));
    return answer_empty(res);
}

static struct status post_revoke_accessor(struct operation *op, struct http_request *req,
                                          struct http_response *res)
{
    (void)req;
    struct token_found found CLEANUP(token_found_done) = {0};
    TRY(enter_by_accessor(op, &found));
    if (!found.exists) {
        const struct answer_extra extra = {.warnings =
                                               STR("[\"No token found with this accessor\"]")};
        return answer_whole(op, res, &extra);
    }
    TRY(token_revoke(op, &found.token));
    return answer_empty(res);
}

static struct status post_revoke_orphan(struct operation *op, struct http_request *req,
                                        struct http_response *res)
{
    (void)req;
    struct str token = {NULL, 0};
    TRY(read_text(op, "token", &token));
    struct token_found found CLEANUP(token_found_done) = {0};
    TRY(enter_by_token(op, token, &found));
    TRY(operation_require_sudo(op));
    if (!found.exists) {
        FAIL(INVALID, "token to revoke not found");
    }
    TRY(token_revoke_orphan(op, &found.token));
    return answer_empty(res);
}

// ---- accessors

static struct status read_page(const struct operation *op, const struct http_request *req,
                               struct token_list_page *out)
{
    struct str asked = route_query(req, "limit");
    int64_t limit = 0;
    if (asked.len > 0) {
        TRY(str_parse_int(asked, &limit));
    }
    TRY(acl_page_size(&op->decision, limit, &out->most));
    out->after = route_query(req, "after");
    return OK_STATUS;
}

static struct status list_accessors(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_LIST));
    TRY(operation_require_sudo(op));
    struct token_list_page page;
    TRY(read_page(op, req, &page));
    struct token_list list CLEANUP(token_list_done) = {0};
    TRY(token_list_accessors(op, &page, &list));
    return answer_keys(op, res, list.accessors, list.count);
}

// Other vaults begin a clean-up here. This one has none to do: what has expired goes by itself, and
// nothing outlives its token.
static struct status post_tidy(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    const struct answer_extra extra = {
        .warnings =
            STR("[\"There is nothing to tidy: expired tokens are removed all the time.\"]")};
    TRY(answer_whole(op, res, &extra));
    res->status = 202;
    return OK_STATUS;
}

static const struct route routes[] = {
    {HTTP_ALLOW(POST), "create", post_create, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "create/:role", post_create_by_role, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "create-orphan", post_create_orphan, ROUTE_PLAIN},
    {HTTP_ALLOW(GET) | HTTP_ALLOW(POST), "lookup-self", get_lookup_self, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "lookup", get_lookup_self, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "lookup", post_lookup, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "lookup-accessor", post_lookup_accessor, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "renew", post_renew, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "renew-self", post_renew_self, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "renew-accessor", post_renew_accessor, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "revoke", post_revoke, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "revoke-self", post_revoke_self, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "revoke-accessor", post_revoke_accessor, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "revoke-orphan", post_revoke_orphan, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "tidy", post_tidy, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST), "accessors", list_accessors, ROUTE_PLAIN},
};

const struct route_table token_routes = {
    .prefix = "auth/token", .routes = routes, .count = ARRAY_LEN(routes)};
