// SPDX-License-Identifier: ISC
// sys/audit/records, sys/audit/keys, sys/audit/rotate-key: looking at the audit log.
#include "api/routes/answer.h"
#include "api/routes/route_tables.h"
#include "api/routes/sys_audit_filter.h"
#include "vault/audit/query.h"
#include "vault/base/limits.h"

enum { DEFAULT_PAGE = 100, HEX_TEXT_BYTES = 2 * 64 + 1 };

static struct status enter(struct operation *op, enum policy_operation operation)
{
    TRY(operation_enter(op, operation));
    return operation_require_sudo(op);
}

static void add_hex(struct json_writer *w, const char *key, struct bytes b)
{
    char text[HEX_TEXT_BYTES];
    bytes_to_hex((struct bytes){b.ptr, b.len < 64 ? b.len : 64}, text);
    json_add_string(w, key, str_from_c(text));
}

// ---- records

struct records_job {
    struct audit_query query;
    struct arena *arena;
    struct audit_page page;
};

static struct status query_work(struct session *s, void *arg)
{
    struct records_job *job = arg;
    return audit_query_run(s, &job->query, job->arena, &job->page);
}

static struct status read_limit(struct http_request *req, struct http_response *res, size_t *out)
{
    struct str text = route_query(req, "limit");
    int64_t limit = DEFAULT_PAGE;
    if (text.len > 0 &&
        (!status_ok(str_parse_int(text, &limit)) || limit < 1 || limit > LIMIT_AUDIT_QUERY_PAGE)) {
        return answer_explain(res, MAKE_STATUS(INVALID, "limit"), req->arena,
                              "limit must be a number from 1 to %d", LIMIT_AUDIT_QUERY_PAGE);
    }
    *out = (size_t)limit;
    return OK_STATUS;
}

static struct status read_query(struct http_request *req, struct http_response *res,
                                struct audit_query *out)
{
    struct str after = route_query(req, "after");
    struct str request_id = route_query(req, "request_id");
    TRY(sys_audit_filter(req, res, &out->filter));
    TRY(read_limit(req, res, &out->limit));
    if (after.len > 0) {
        TRY(audit_cursor_parse(after, &out->after));
    }
    if (request_id.len > 0) {
        TRY(uuid_parse(request_id, &out->request_id));
    }
    return OK_STATUS;
}

static void put_record(struct json_writer *w, const struct audit_record_item *r)
{
    const struct audit_entry *e = &r->entry;
    char id[UUID_TEXT_BYTES];
    uuid_format(e->request_id, id);
    json_begin_object(w);
    json_add_time(w, "time", e->time_us);
    json_add_string(w, "request_id", str_from_c(id));
    json_add_string(w, "actor", e->actor);
    json_add_string(w, "accessor", e->accessor);
    json_add_string(w, "auth_method", e->auth_method);
    json_add_string(w, "remote", e->remote);
    json_add_string(w, "operation", e->operation);
    json_add_string(w, "path", e->path);
    json_add_int(w, "result", e->result);
    json_add_int(w, "duration_us", e->duration_us);
    json_add_bool(w, "effect", e->effect);
    // As text: what was stored may have been altered to something that isn't JSON.
    json_add_string(w, "detail", e->detail);
    json_add_int(w, "chain", r->chain_id);
    json_add_int(w, "seq", r->seq);
    json_end_object(w);
}

static struct status answer_page(struct operation *op, struct http_response *res,
                                 const struct audit_page *page)
{
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_put_key(&w, "records");
    json_begin_array(&w);
    for (size_t i = 0; i < page->count; i++) {
        put_record(&w, &page->records[i]);
    }
    json_end_array(&w);
    if (page->more) {
        const struct audit_record_item *last = &page->records[page->count - 1];
        const struct audit_cursor next = {last->entry.time_us, last->chain_id, last->seq};
        char text[AUDIT_CURSOR_BYTES];
        audit_cursor_format(&next, text);
        json_add_string(&w, "next", str_from_c(text));
    } else {
        json_add_null(&w, "next");
    }
    json_end_object(&w);
    return answer_end(&w);
}

static struct status get_records(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    struct records_job job = {.arena = op->arena};
    TRY(enter(op, POLICY_OP_READ));
    TRY(read_query(req, res, &job.query));
    TRY(store_run(op->worker->vault->store, query_work, &job));
    return answer_page(op, res, &job.page);
}

// ---- keys

struct keys_job {
    struct arena *arena;
    struct audit_key_item *keys;
    size_t count;
};

static struct status keys_work(struct session *s, void *arg)
{
    struct keys_job *job = arg;
    return audit_query_keys(s, job->arena, &job->keys, &job->count);
}

static struct status get_keys(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    (void)req;
    struct keys_job job = {.arena = op->arena};
    TRY(enter(op, POLICY_OP_READ));
    TRY(store_run(op->worker->vault->store, keys_work, &job));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_put_key(&w, "keys");
    json_begin_array(&w);
    for (size_t i = 0; i < job.count; i++) {
        json_begin_object(&w);
        json_add_int(&w, "key", job.keys[i].number);
        json_add_time(&w, "created_at", job.keys[i].created_us);
        add_hex(&w, "public_key", job.keys[i].public_key);
        add_hex(&w, "succession_signature", job.keys[i].succession_signature);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return answer_end(&w);
}

// ---- succession

static struct status succeed_work(struct session *s, void *arg)
{
    return audit_signer_succeed(arg, s);
}

static struct status load_work(struct session *s, void *arg)
{
    return audit_signer_load(arg, s);
}

static struct status post_rotate_key(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    (void)req;
    struct vault *v = op->worker->vault;
    TRY(enter(op, POLICY_OP_UPDATE));
    TRY(operation_transact(op, succeed_work, v->signer));
    // Everybody else takes it over within seconds, and the old one is accepted until then.
    TRY(store_run(v->store, load_work, v->signer));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_int(&w, "key", audit_signer_number(v->signer));
    json_end_object(&w);
    return answer_end(&w);
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "audit/records", get_records, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "audit/keys", get_keys, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "audit/rotate-key", post_rotate_key, ROUTE_PLAIN},
};
const struct route_table sys_audit_records_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
