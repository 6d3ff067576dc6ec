// SPDX-License-Identifier: ISC
// sys/policies/explain: would a token, or a set of policies, be allowed something, and which rule
// decides. Asking about others than oneself shows their rules, so it is for administrators.
#include "api/routes/answer.h"
#include "api/routes/route_tables.h"
#include "vault/base/limits.h"
#include "vault/identity/token_find.h"
#include "vault/policy/name.h"

struct question {
    struct acl_request request;
    struct str operation;
    const struct str *policies; // asked about; "root" only when a token has it
    size_t count;
};

// ---- reading the question

static struct status read_operation(struct str name, enum policy_operation *out)
{
    static const char *const names[] = {
        [POLICY_OP_READ] = "read",   [POLICY_OP_CREATE] = "create", [POLICY_OP_UPDATE] = "update",
        [POLICY_OP_PATCH] = "patch", [POLICY_OP_DELETE] = "delete", [POLICY_OP_LIST] = "list",
        [POLICY_OP_SCAN] = "scan",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_equal_c(name, names[i])) {
            *out = (enum policy_operation)i;
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "'operation' must be read, create, update, patch, delete, list or scan");
}

static struct status read_request(const struct operation *op, struct question *q)
{
    if (!status_ok(json_as_str(json_get(op->body, "path"), &q->request.path)) ||
        q->request.path.len == 0) {
        FAIL(INVALID, "'path' must be given, such as \"secret/data/app\"");
    }
    q->operation = STR("read");
    struct json_value operation = json_get(op->body, "operation");
    if (!json_is_null(operation)) {
        TRY(json_as_str(operation, &q->operation));
    }
    q->request.now_us = op->snapshot.now_us;
    q->request.parameters = json_get(op->body, "parameters");
    return read_operation(q->operation, &q->request.operation);
}

static struct status read_policies(const struct operation *op, struct json_value list,
                                   struct question *q)
{
    struct json_strings sent;
    if (!status_ok(json_as_strings(list, &sent)) || sent.count > LIMIT_POLICIES_PER_TOKEN) {
        FAIL(INVALID, "'policies' must be a list of at most 64 names");
    }
    struct str *names = ARENA_ARRAY(op->arena, struct str, sent.count);
    if (names == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (size_t i = 0; i < sent.count; i++) {
        TRY(policy_name_normalise(sent.items[i], op->arena, &names[i]));
    }
    q->policies = names;
    q->count = sent.count;
    return OK_STATUS;
}

// Of the token that was loaded, of the policies that are named, or of the caller.
static struct status read_subject(const struct operation *op, const struct token_found *found,
                                  bool by_token, struct question *q)
{
    struct json_value list = json_get(op->body, "policies");
    if (by_token && !found->exists) {
        FAIL(INVALID, "invalid token");
    }
    if (!by_token && !json_is_null(list)) {
        return read_policies(op, list, q);
    }
    const struct token *t = by_token ? &found->token : &op->caller;
    q->policies = t->policies;
    q->count = t->policy_count;
    return OK_STATUS;
}

// ---- answering

// Parsed for this one question: what the catalog keeps is for sets of policies that tokens have.
struct parsed {
    struct policy *policies[LIMIT_POLICIES_PER_TOKEN];
    size_t count;
    bool root;
};

static void free_parsed(struct parsed *p)
{
    for (size_t i = 0; i < p->count; i++) {
        policy_free(p->policies[i]);
    }
}

static struct status parse_policies(const struct operation *op, const struct question *q,
                                    struct parsed *out)
{
    for (size_t i = 0; i < q->count && out->count < ARRAY_LEN(out->policies); i++) {
        struct str text;
        struct text_error error; // it parsed when it was stored
        out->root = out->root || policy_name_is_root(q->policies[i]);
        if (status_ok(catalog_policy_text(op->catalog, q->policies[i], &text))) {
            TRY(policy_parse(q->policies[i], text, &out->policies[out->count], &error));
            out->count++;
        }
    }
    return OK_STATUS;
}

static void put_rule(struct json_writer *w, const struct acl_source *source)
{
    const struct policy_rule *rule = source->rule;
    json_begin_object(w);
    json_add_string(w, "policy", source->policy);
    json_add_string(w, "path", rule->written);
    json_add_int(w, "line", rule->line);
    json_add_string(w, "comment", rule->comment);
    json_put_key(w, "capabilities");
    json_begin_array(w);
    for (uint32_t i = 0; i < POLICY_CAPABILITY_COUNT; i++) {
        if ((rule->capabilities & (UINT32_C(1) << i)) != 0) {
            json_put_string(w, str_from_c(policy_capability_name(i)));
        }
    }
    json_end_array(w);
    json_end_object(w);
}

static void put_policies(struct json_writer *w, const struct operation *op,
                         const struct question *q, bool missing)
{
    json_begin_array(w);
    for (size_t i = 0; i < q->count; i++) {
        struct str text;
        bool exists = policy_name_is_root(q->policies[i]) ||
                      status_ok(catalog_policy_text(op->catalog, q->policies[i], &text));
        if (!missing || !exists) {
            json_put_string(w, q->policies[i]);
        }
    }
    json_end_array(w);
}

static void put_explanation(struct json_writer *w, const struct operation *op,
                            const struct question *q, const struct acl_explanation *e)
{
    json_begin_object(w);
    json_add_string(w, "path", q->request.path);
    json_add_string(w, "operation", q->operation);
    json_add_bool(w, "allowed", e->decision.allowed);
    json_add_bool(w, "sudo", e->decision.sudo || e->decision.root);
    json_add_string(w, "reason", str_from_c(acl_reason_text(e->decision.reason)));
    json_add_string(w, "pattern", e->pattern);
    json_put_key(w, "rules");
    json_begin_array(w);
    for (size_t i = 0; i < e->source_count; i++) {
        put_rule(w, &e->sources[i]);
    }
    json_end_array(w);
    json_put_key(w, "policies");
    put_policies(w, op, q, false);
    json_put_key(w, "policies_missing");
    put_policies(w, op, q, true);
    json_end_object(w);
}

static struct status explain(struct operation *op, struct http_response *res,
                             const struct question *q)
{
    struct parsed parsed CLEANUP(free_parsed) = {0};
    TRY(parse_policies(op, q, &parsed));
    const struct acl_input input = {.policies = (const struct policy *const *)parsed.policies,
                                    .count = parsed.count,
                                    .root = parsed.root,
                                    .now_us = op->snapshot.now_us};
    struct acl *acl CLEANUP(acl_cleanup) = NULL;
    TRY(acl_build(&input, &acl));
    struct acl_explanation explanation;
    acl_explain(acl, &q->request, &explanation);
    struct json_writer w = answer_begin(op, res);
    put_explanation(&w, op, q, &explanation);
    return answer_end(&w);
}

static struct status enter(struct operation *op, const struct token_target *target,
                           struct token_found *found)
{
    if (target->token.len == 0) {
        return operation_enter(op, POLICY_OP_UPDATE);
    }
    return token_enter(op, POLICY_OP_UPDATE, target, found);
}

static struct status post_explain(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    (void)req;
    struct token_target target = {0};
    struct token_found found CLEANUP(token_found_done) = {0};
    // Without it the question is about the caller, or about policies.
    status_ignore(json_as_str(json_get(op->body, "token"), &target.token));
    TRY(enter(op, &target, &found));
    bool by_token = target.token.len > 0;
    if (by_token || !json_is_null(json_get(op->body, "policies"))) {
        TRY(operation_require_sudo(op));
    }
    struct question q = {0};
    TRY(read_request(op, &q));
    TRY(read_subject(op, &found, by_token, &q));
    return explain(op, res, &q);
}

static const struct route routes[] = {
    {HTTP_ALLOW(POST), "policies/explain", post_explain, ROUTE_PLAIN},
};

const struct route_table sys_policies_explain_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
