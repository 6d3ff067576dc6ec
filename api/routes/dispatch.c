// SPDX-License-Identifier: ISC
#include "api/routes/dispatch.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/routes/answer.h"
#include "vault/base/log.h"
#include "vault/core/audit_path.h"
#include "vault/core/backoff.h"
#include "vault/core/crew.h"
#include "vault/core/metrics_request.h"

enum { MOUNT_TYPES_MAX = 16, STALE_RETRIES = 16 };

// The http router wants its table and the prefix to stay.
struct kept_routes {
    struct kept_routes *next;
    char prefix[64];
    struct http_route routes[];
};

struct mount_router {
    struct str type;
    struct http_router *router;
};

struct dispatch {
    struct vault *vault;
    struct json_limits limits;
    struct http_router *fixed; // sys, auth/token
    struct mount_router mounts[MOUNT_TYPES_MAX];
    size_t mount_count;
    struct kept_routes *kept;
};

// The route that serves a request, or why there is none.
struct destination {
    const struct route *route; // NULL when there is none
    const struct mount *mount;
    struct str mount_path;
    bool wrong_method;
    bool open; // of the wrong method, and the path answers without a token
    char allowed[HTTP_ALLOW_BYTES];
};

void dispatch_free(struct dispatch *d)
{
    if (d == NULL) {
        return;
    }
    http_router_free(d->fixed);
    for (size_t i = 0; i < d->mount_count; i++) {
        http_router_free(d->mounts[i].router);
    }
    while (d->kept != NULL) {
        struct kept_routes *next = d->kept->next;
        free(d->kept);
        d->kept = next;
    }
    free(d);
}

static void free_dispatch(struct dispatch **d)
{
    dispatch_free(*d);
}

static struct http_router *router_of_type(struct dispatch *d, struct str type)
{
    for (size_t i = 0; i < d->mount_count; i++) {
        if (str_equal(d->mounts[i].type, type)) {
            return d->mounts[i].router;
        }
    }
    return NULL;
}

// The http routes only carry their `struct route`; calling them is our business.
static struct status add_routes(struct dispatch *d, struct http_router *r,
                                const struct route_table *t)
{
    struct kept_routes *kept = calloc(1, sizeof *kept + t->count * sizeof kept->routes[0]);
    if (kept == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    kept->next = d->kept;
    d->kept = kept;
    if (t->prefix != NULL) {
        snprintf(kept->prefix, sizeof kept->prefix, "v1/%s", t->prefix);
    }
    for (size_t i = 0; i < t->count; i++) {
        kept->routes[i] = (struct http_route){.methods = t->routes[i].methods,
                                              .pattern = t->routes[i].pattern,
                                              .data = &t->routes[i]};
    }
    return http_router_add(r, kept->prefix, kept->routes, t->count, NULL);
}

static struct status add_table(struct dispatch *d, const struct route_table *t)
{
    if (t->mount_type == NULL) {
        return add_routes(d, d->fixed, t);
    }
    struct str type = str_from_c(t->mount_type);
    struct http_router *r = router_of_type(d, type);
    if (r == NULL) {
        REQUIRE(d->mount_count < MOUNT_TYPES_MAX);
        r = http_router_new();
        if (r == NULL) {
            FAIL(NOMEM, "out of memory");
        }
        d->mounts[d->mount_count++] = (struct mount_router){type, r};
    }
    return add_routes(d, r, t);
}

struct status dispatch_new(struct vault *v, const struct json_limits *limits, struct dispatch **out)
{
    struct dispatch *d CLEANUP(free_dispatch) = calloc(1, sizeof *d);
    if (d == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    d->vault = v;
    d->limits = *limits;
    d->fixed = http_router_new();
    if (d->fixed == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (size_t i = 0; route_tables[i] != NULL; i++) {
        TRY(add_table(d, route_tables[i]));
    }
    *out = TAKE(d);
    return OK_STATUS;
}

static struct status take_match(const struct http_match *m, struct http_request *req,
                                struct destination *out)
{
    if (m->found == HTTP_NO_METHOD) {
        out->wrong_method = true;
        http_method_format_set(m->allowed, out->allowed);
        return OK_STATUS;
    }
    if (m->found != HTTP_FOUND) {
        return OK_STATUS;
    }
    struct http_param *params = ARENA_ARRAY(req->arena, struct http_param, m->param_count);
    if (params == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (size_t i = 0; i < m->param_count; i++) {
        params[i] = m->params[i];
    }
    req->params = (struct http_params){params, m->param_count};
    out->route = m->route->data;
    return OK_STATUS;
}

static size_t count_slashes(struct str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += s.ptr[i] == '/';
    }
    return count;
}

// Everybody may know that a path exists which answers without a token for another method.
static bool is_open(struct dispatch *d, const struct http_request *req, uint32_t methods)
{
    for (unsigned method = 0; method < HTTP_METHOD_COUNT; method++) {
        struct http_match m;
        if ((methods & (UINT32_C(1) << method)) == 0) {
            continue;
        }
        http_router_find(d->fixed, (enum http_method)method, &req->path, 0, &m);
        const struct route *route = m.found == HTTP_FOUND ? m.route->data : NULL;
        if (route != NULL && (route->flags & ROUTE_SEALED_TOO) != 0) {
            return true;
        }
    }
    return false;
}

static struct status find_fixed(struct dispatch *d, struct http_request *req,
                                struct destination *out)
{
    struct http_match m;
    http_router_find(d->fixed, req->method, &req->path, 0, &m);
    out->open = m.found == HTTP_NO_METHOD && is_open(d, req, m.allowed);
    return take_match(&m, req, out);
}

// A mount's own folder may be listed without its slash.
static struct status find_mount(const struct operation *op, const struct http_request *req,
                                const struct mount **out)
{
    const struct mount *m = catalog_mount_of(op->catalog, op->path);
    if (m == NULL && (req->method == HTTP_LIST || req->method == HTTP_SCAN)) {
        struct str folder;
        TRY(arena_printf(op->arena, &folder, "%.*s/", STR_ARG(op->path)));
        m = catalog_mount_of(op->catalog, folder);
    }
    *out = m;
    return OK_STATUS;
}

static struct status find_in_mount(struct dispatch *d, const struct operation *op,
                                   struct http_request *req, struct destination *out)
{
    const struct mount *m;
    TRY(find_mount(op, req, &m));
    struct http_router *r = m == NULL ? NULL : router_of_type(d, m->type);
    if (r == NULL) {
        return OK_STATUS;
    }
    out->mount = m;
    out->mount_path = str_skip(op->path, m->path.len);
    struct http_match match;
    // "v1" is a segment too.
    http_router_find(r, req->method, &req->path, 1 + count_slashes(m->path), &match);
    return take_match(&match, req, out);
}

// ---- running a handler

// What a method asks for. Only handlers know whether a POST would create.
static enum policy_operation operation_of(enum http_method method)
{
    switch (method) {
    case HTTP_POST:
    case HTTP_PUT:
        return POLICY_OP_UPDATE;
    case HTTP_DELETE:
        return POLICY_OP_DELETE;
    case HTTP_LIST:
        return POLICY_OP_LIST;
    case HTTP_SCAN:
        return POLICY_OP_SCAN;
    case HTTP_PATCH:
        return POLICY_OP_PATCH;
    case HTTP_GET:
    case HTTP_HEAD:
    case HTTP_OPTIONS:
    case HTTP_METHOD_COUNT:
        break;
    }
    return POLICY_OP_READ;
}

static struct status refuse_method(struct http_response *res, const struct destination *where)
{
    TRY(http_response_add_header(res, "Allow", str_from_c(where->allowed)));
    FAIL(METHOD, "unsupported operation");
}

// Only who may go there learns that there is nothing.
static struct status serve_nothing(struct operation *op, struct http_request *req,
                                   struct http_response *res, const struct destination *where)
{
    TRY(operation_enter(op, operation_of(req->method)));
    if (where->wrong_method) {
        return refuse_method(res, where);
    }
    FAIL(NOT_FOUND, "");
}

static struct status run_once(struct dispatch *d, struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    struct destination where = {0};
    TRY(find_fixed(d, req, &where));
    if (where.route == NULL && !where.wrong_method) {
        TRY(find_in_mount(d, op, req, &where));
    }
    op->mount = where.mount;
    op->mount_path = where.mount_path;
    return where.route == NULL ? serve_nothing(op, req, res, &where)
                               : where.route->handle(op, req, res);
}

// Again with a new catalog, as long as nothing has been done.
static struct status run_handler(struct dispatch *d, struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    int64_t epoch = 0;
    for (int attempt = 0; attempt < STALE_RETRIES; attempt++) {
        struct catalog *catalog CLEANUP(catalog_cleanup) = NULL;
        TRY(worker_catalog(op->worker, epoch, &catalog));
        op->catalog = catalog;
        op->stale = false;
        batch_op_done(&op->token_op);
        op->authenticated = false; // the caller borrows from what was just released
        struct status s = run_once(d, op, req, res);
        op->catalog = NULL;
        if (!op->stale || op->effect) {
            return s;
        }
        // Either the snapshot showed a later epoch already, or the change found one.
        int64_t had = catalog_epoch(catalog);
        epoch = op->snapshot.epoch > had ? op->snapshot.epoch : had + 1;
        backoff_pause(attempt);
    }
    FAIL(UNAVAILABLE, "mounts or policies keep changing, try again");
}

// Faults of our own, or of what is stored, aren't explained to clients.
static bool may_be_told(enum status_code code)
{
    return code != STATUS_INTERNAL && code != STATUS_INTEGRITY && code != STATUS_NOMEM;
}

static void answer_failure(const struct operation *op, struct http_response *res, struct status s)
{
    int code = status_http(s.code);
    if (res->status == code && res->body.len > 0) {
        return; // answer_explain() wrote it
    }
    if (op->outcome_unknown) {
        char id[UUID_TEXT_BYTES];
        char text[160];
        uuid_format(op->request_id, id);
        snprintf(text, sizeof text,
                 "the outcome is unknown: look whether it was done before trying again "
                 "(request %s)",
                 id);
        http_response_error(res, code, str_from_c(text));
        return;
    }
    http_response_fail(res, s);
    if (may_be_told(s.code)) {
        http_response_error(res, code, str_from_c(s.what));
    } else {
        log_repeated(LOG_ERROR, "request.failed", LOG_UUID("request_id", op->request_id),
                     LOG_STATUS(s));
    }
}

static void record(struct operation *op, const struct http_request *req, struct http_response *res)
{
    op->remote =
        req->remote; // a stream's request has its own copy by now: its connection may be gone
    // Beyond their budget, failures of nobody in particular are only counted and summed up.
    if (!op->authenticated && !audit_log_admit(op->worker->audit, op->remote)) {
        return;
    }
    struct status s = operation_record(op, res->status, clock_monotonic_us() - req->received_us);
    if (status_ok(s)) {
        return;
    }
    // Fail closed: what isn't in the audit log isn't answered.
    log_repeated(LOG_ERROR, "audit.append_failed", LOG_UUID("request_id", op->request_id),
                 LOG_STATUS(s));
    op->outcome_unknown = op->outcome_unknown || op->effect;
    buffer_clear(&res->body);
    res->status = 0;
    answer_failure(op, res, s);
}

// `begun` is what reading the request came to: what can't be read is refused, and recorded, before
// anybody asks whose it is.
static void serve_audited(struct dispatch *d, struct operation *op, struct http_request *req,
                          struct http_response *res, struct status begun)
{
    struct worker *w = op->worker;
    w->operations++;
    op->operation = operation_name(operation_of(req->method)); // until a handler knows better
    op->shown_path = STR("***"); // unless there is no memory to say more
    struct status shown = audit_path(op, &op->shown_path);
    struct status s = status_ok(begun) ? shown : begun;
    s = status_ok(s) ? run_handler(d, op, req, res) : s;
    if (!status_ok(s)) {
        op->reason = op->reason == NULL ? s.what : op->reason;
        answer_failure(op, res, s);
    }
    record(op, req, res);
    batch_op_done(&op->token_op); // the record borrows the caller's names from it
    w->operations--;
    if (op->seal_after && res->status < 300) {
        crew_seal(d->vault);
    }
}

// Handlers that work without keys: their operation has neither caller nor catalog.
static bool serve_unsealed(struct dispatch *d, struct operation *op, struct http_request *req,
                           struct http_response *res)
{
    struct destination where = {0};
    struct status s = find_fixed(d, req, &where);
    bool open = where.route != NULL && (where.route->flags & ROUTE_SEALED_TOO) != 0;
    if (status_ok(s) && !open && !where.open) {
        return false;
    }
    if (status_ok(s)) {
        s = open ? where.route->handle(op, req, res) : refuse_method(res, &where);
    }
    if (!status_ok(s)) {
        answer_failure(op, res, s);
    }
    return true;
}

static struct status parse_body(const struct dispatch *d, const struct http_request *req,
                                struct http_response *res, struct operation *op)
{
    if (req->body.len == 0) {
        return OK_STATUS;
    }
    struct text_position at = {0};
    struct status s = json_parse(str_from_bytes(req->body), &d->limits, op->arena, &op->body, &at);
    if (s.code == STATUS_INVALID) {
        return answer_explain(res, s, op->arena,
                              "the body isn't acceptable JSON: %s (line %u, "
                              "column %u)",
                              s.what, at.line, at.column);
    }
    TRY(s);
    if (json_kind(op->body) != JSON_OBJECT) {
        FAIL(INVALID, "the body must be a JSON object");
    }
    return OK_STATUS;
}

// What isn't built is refused rather than ignored.
static struct status check_headers(const struct http_request *req)
{
    struct str ns = http_request_header(req, STR("X-Vault-Namespace"));
    if (ns.len > 0 && !str_equal(ns, STR("/")) && !str_equal(ns, STR("root"))) {
        FAIL(NOT_FOUND, "there are no namespaces but the root one");
    }
    struct str wrap = http_request_header(req, STR("X-Vault-Wrap-TTL"));
    if (wrap.len > 0 && !str_equal(wrap, STR("0")) && !str_equal(wrap, STR("0s"))) {
        FAIL(INVALID, "response wrapping isn't supported: leave X-Vault-Wrap-TTL out");
    }
    if (route_query(req, "help").len > 0) {
        FAIL(INVALID, "paths have no help here: see the documentation");
    }
    return OK_STATUS;
}

static struct status begin(const struct dispatch *d, const struct http_request *req,
                           struct http_response *res, struct operation *op)
{
    if (req->path.count < 2 || !str_equal(req->path.segments[0], STR("v1"))) {
        FAIL(NOT_FOUND, "");
    }
    op->path = str_skip(req->path.text, 3);
    TRY(check_headers(req));
    return parse_body(d, req, res, op);
}

static void serve(struct dispatch *d, struct operation *op, struct http_request *req,
                  struct http_response *res)
{
    struct status begun = begin(d, req, res, op);
    if (status_ok(begun) && serve_unsealed(d, op, req, res)) {
        return;
    }
    if (vault_state(d->vault) == VAULT_UNSEALED && op->worker->batch != NULL) {
        serve_audited(d, op, req, res, begun);
    } else if (status_ok(begun)) {
        http_response_fail(res, MAKE_STATUS(SEALED, "Vault is sealed"));
    } else {
        answer_failure(op, res, begun);
    }
}

void dispatch_serve(void *ctx, struct http_request *req, struct http_response *res)
{
    const struct dispatch_worker *dw = ctx;
    struct dispatch *d = dw->dispatch;
    struct operation op = {.worker = dw->worker,
                           .arena = req->arena,
                           .request_id = req->id,
                           .namespace_id = KEYRING_ROOT_NAMESPACE,
                           .deadline_us = req->deadline_us,
                           .remote = req->remote,
                           .token_text = req->token,
                           .path = req->path.text};
    serve(d, &op, req, res);
    metrics_count_request(op.worker->number, op.operation, res->status,
                          clock_monotonic_us() - req->received_us);
}
