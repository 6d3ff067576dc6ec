// SPDX-License-Identifier: ISC
// sys/policies/acl and its older form sys/policy: the texts of policies.
#include "api/routes/route_page.h"
#include "api/routes/route_tables.h"
#include "api/routes/sys_answer.h"
#include "vault/base/limits.h"
#include "vault/crypto/encoding.h"
#include "vault/policy/name.h"
#include "vault/policy/policy.h"

enum { WORD_SHOWN_BYTES = 60, NAME_SHOWN_BYTES = 100 };

// ---- names

static bool is_root(struct str name)
{
    return str_equal_nocase(name, STR("root"));
}

// In its normal form, before anything else looks at it. `verb` says what root refuses.
static struct status read_name(struct operation *op, const struct http_request *req,
                               struct http_response *res, const char *verb, struct str *out)
{
    struct str sent = route_param(req, "name");
    if (is_root(sent)) {
        return answer_explain(res, MAKE_STATUS(INVALID, "root can't be changed"), op->arena,
                              "cannot %s \"root\" policy", verb);
    }
    return policy_name_normalise(sent, op->arena, out);
}

// ---- listing

struct page {
    const struct str *names;
    size_t count;
};

static struct page cut_page(const struct route_page *asked, const struct str *names, size_t count)
{
    size_t first = 0;
    while (first < count && asked->after.len > 0 && str_compare(names[first], asked->after) <= 0) {
        first++;
    }
    size_t left = count - first;
    bool bounded = asked->limit > 0 && (size_t)asked->limit < left;
    return (struct page){names + first, bounded ? (size_t)asked->limit : left};
}

// Those that are stored and root, in order.
static struct status collect_names(struct operation *op, struct str **out, size_t *out_count)
{
    static const struct str root = {"root", 4};
    size_t stored = catalog_policy_count(op->catalog);
    struct str *names = ARENA_ARRAY(op->arena, struct str, stored + 1);
    if (names == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    size_t count = 0;
    bool has_root = false;
    for (size_t i = 0; i < stored; i++) {
        struct str name = catalog_policy_name(op->catalog, i);
        if (!has_root && str_compare(name, root) > 0) {
            names[count++] = root;
            has_root = true;
        }
        names[count++] = name;
    }
    if (!has_root) {
        names[count++] = root;
    }
    *out = names;
    *out_count = count;
    return OK_STATUS;
}

static struct status list_page(struct operation *op, const struct http_request *req,
                               struct http_response *res, enum policy_operation operation,
                               struct page *out)
{
    struct route_page asked;
    struct str *names;
    size_t count;
    TRY(operation_enter(op, operation));
    TRY(route_page_read(op, req, res, &asked));
    TRY(collect_names(op, &names, &count));
    *out = cut_page(&asked, names, count);
    return OK_STATUS;
}

static struct status list_policies(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    struct page page;
    TRY(list_page(op, req, res, POLICY_OP_LIST, &page));
    return answer_keys(op, res, page.names, page.count);
}

// The older form lists on GET too, and under two names.
static struct status list_old(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    struct page page;
    bool list = req->method == HTTP_LIST;
    enum policy_operation operation = list ? POLICY_OP_LIST : POLICY_OP_READ;
    TRY(list_page(op, req, res, operation, &page));
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_RESPONSE_BYTES / 4);
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    json_add_strings(&w, "keys", page.names, page.count);
    json_add_strings(&w, "policies", page.names, page.count);
    json_end_object(&w);
    return sys_answer_both(op, res, &text);
}

// ---- reading

static struct status read_text(struct operation *op, const struct http_request *req,
                               struct str *out_name, struct str *out_text)
{
    TRY(operation_enter(op, POLICY_OP_READ));
    struct str sent = route_param(req, "name");
    if (is_root(sent)) {
        *out_name = STR("root");
        *out_text = STR(""); // it has no text: it isn't made of rules
        return OK_STATUS;
    }
    TRY(policy_name_normalise(sent, op->arena, out_name));
    if (!status_ok(catalog_policy_text(op->catalog, *out_name, out_text))) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

static void write_policy(struct buffer *text, struct str name, const char *key, struct str policy)
{
    struct json_writer w = json_writer_on(text);
    json_begin_object(&w);
    json_add_string(&w, "name", name);
    json_add_string(&w, key, policy);
    json_end_object(&w);
}

static struct status get_policy(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    struct str name;
    struct str policy;
    TRY(read_text(op, req, &name, &policy));
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_RESPONSE_BYTES / 4);
    write_policy(&text, name, "policy", policy);
    return sys_answer_data(op, res, &text);
}

static struct status get_old(struct operation *op, struct http_request *req,
                             struct http_response *res)
{
    struct str name;
    struct str policy;
    TRY(read_text(op, req, &name, &policy));
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_RESPONSE_BYTES / 4);
    write_policy(&text, name, "rules", policy);
    return sys_answer_both(op, res, &text);
}

// ---- writing

struct policy_change {
    const struct keyring *keyring;
    int64_t namespace_id;
    struct str name;
    struct str text;
};

static struct status put_work(struct session *s, void *arg)
{
    const struct policy_change *c = arg;
    return catalog_put_policy(c->keyring, s, c->namespace_id, c->name, c->text);
}

static struct status delete_work(struct session *s, void *arg)
{
    const struct policy_change *c = arg;
    return catalog_delete_policy(s, c->namespace_id, c->name);
}

static struct policy_change change_of(const struct operation *op, struct str name, struct str text)
{
    return (struct policy_change){op->worker->vault->keyring, op->namespace_id, name, text};
}

static struct status without_line_ends(struct str text, struct arena *arena, struct str *out)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (copy == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\n' && text.ptr[i] != '\r') {
            copy[len++] = text.ptr[i];
        }
    }
    *out = (struct str){copy, len};
    return OK_STATUS;
}

// What is base64 is taken for the encoded policy: none can be both, for rules have quotes.
static struct status decode(struct operation *op, struct str *text)
{
    if (text->len > 2 * LIMIT_POLICY_BYTES) {
        FAIL(TOO_LARGE, "a policy has 256 KiB at most");
    }
    struct str joined;
    struct secret *decoded CLEANUP(secret_cleanup) = NULL;
    TRY(without_line_ends(*text, op->arena, &joined));
    struct status s = encoding_from_base64(joined, &decoded);
    if (s.code == STATUS_INVALID) {
        return OK_STATUS;
    }
    TRY(s);
    struct str plain = str_from_bytes(secret_view(decoded));
    return str_is_text(plain) ? arena_copy_str(op->arena, plain, text) : OK_STATUS;
}

static struct status read_parameter(struct operation *op, bool old_form, struct str *out)
{
    struct json_value v = json_get(op->body, "policy");
    if (json_is_null(v) && old_form) {
        v = json_get(op->body, "rules");
    }
    struct str text;
    if (!status_ok(json_as_str(v, &text)) || text.len == 0) {
        FAIL(INVALID, "'policy' parameter not supplied or empty");
    }
    TRY(decode(op, &text));
    *out = text;
    return OK_STATUS;
}

static struct status check_text(struct operation *op, struct http_response *res, struct str name,
                                struct str text)
{
    struct policy *parsed CLEANUP(policy_cleanup) = NULL;
    struct text_error error;
    struct status s = policy_parse(name, text, &parsed, &error);
    if (s.code != STATUS_INVALID) {
        return s;
    }
    struct str word = str_first(error.word, WORD_SHOWN_BYTES);
    return answer_explain(res, s, op->arena, "policy \"%.*s\", line %u, column %u: %s%s%.*s",
                          STR_ARG(str_first(name, NAME_SHOWN_BYTES)), error.line, error.column,
                          s.what, word.len > 0 ? ": " : "", STR_ARG(word));
}

static struct status write_text(struct operation *op, const struct http_request *req,
                                struct http_response *res, bool old_form)
{
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    struct str name;
    struct str text;
    TRY(read_name(op, req, res, "update", &name));
    TRY(read_parameter(op, old_form, &text));
    TRY(check_text(op, res, name, text));
    struct policy_change change = change_of(op, name, text);
    TRY(operation_change_catalog(op, put_work, &change));
    return answer_empty(res);
}

static struct status post_policy(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    return write_text(op, req, res, false);
}

static struct status post_old(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    return write_text(op, req, res, true);
}

static struct status delete_policy(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_DELETE));
    struct str name;
    struct str text;
    TRY(read_name(op, req, res, "delete", &name));
    if (str_equal_c(name, "default")) {
        FAIL(INVALID, "cannot delete \"default\" policy");
    }
    if (!status_ok(catalog_policy_text(op->catalog, name, &text))) {
        return answer_empty(res); // as asked: there is none
    }
    struct policy_change change = change_of(op, name, STR(""));
    TRY(operation_change_catalog(op, delete_work, &change));
    return answer_empty(res);
}

static const struct route routes[] = {
    {HTTP_ALLOW(LIST), "policies/acl", list_policies, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "policies/acl/*name", get_policy, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "policies/acl/*name", post_policy, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "policies/acl/*name", delete_policy, ROUTE_PLAIN},
    {HTTP_ALLOW(GET) | HTTP_ALLOW(LIST), "policy", list_old, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "policy/*name", get_old, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "policy/*name", post_old, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "policy/*name", delete_policy, ROUTE_PLAIN},
};

const struct route_table sys_policies_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
