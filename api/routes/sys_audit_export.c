// SPDX-License-Identifier: ISC
// sys/audit/export: the log as a stream, with constant memory. JSON Lines hold everything that
// `rotunda audit verify -export` needs; CSV, and JSON Lines with filters, hold records alone.
//
// Since the answer begins to leave before the handler ends, its audit record is made before the
// first part and another one at the end.
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "api/routes/answer.h"
#include "api/routes/route_tables.h"
#include "api/routes/sys_audit_filter.h"
#include "vault/audit/line.h"
#include "vault/base/clock.h"
#include "vault/runtime/channel.h"

enum { CHANNEL_BYTES = 1024 * 1024, PART_BYTES = 32 * 1024, LINE_BYTES = AUDIT_LINE_MAX };

static const int64_t look_again_us = 5 * (int64_t)CLOCK_SECOND;

// One at a time: each holds a session and a thread for as long as its reader takes.
static atomic_bool under_way;

static const struct store_statement token_lives = {
    "audit.export_token", "SELECT 1 FROM token WHERE id = $1 AND expires_at > clock_timestamp()"};

struct export
{
    struct vault *vault;
    struct audit_filter filter;
    bool csv;
    struct channel channel;
    struct buffer line; // the thread's
    int64_t lines;
    struct status outcome;
    struct fiber_event ended;
};

// ---- on an offload thread

static struct status send_line(struct export *e)
{
    TRY(buffer_status(&e->line));
    struct bytes rest = buffer_bytes(&e->line);
    while (rest.len > 0) {
        size_t part = rest.len < PART_BYTES ? rest.len : PART_BYTES;
        TRY(channel_put(&e->channel, (struct bytes){rest.ptr, part}));
        rest = (struct bytes){rest.ptr + part, rest.len - part};
    }
    buffer_clear(&e->line);
    return OK_STATUS;
}

static struct status send_item(void *ctx, const struct audit_item *item)
{
    struct export *e = ctx;
    audit_line_put(&e->line, item);
    e->lines++;
    return send_line(e);
}

// RFC 4180. A spreadsheet would run what begins with one of =+-@: such text gets an apostrophe.
static void put_cell(struct buffer *out, struct str text, bool last)
{
    buffer_append_byte(out, '"');
    char first = text.len > 0 ? text.ptr[0] : '\0';
    if (first != '\0' && strchr("=+-@\t\r", first) != NULL) {
        buffer_append_byte(out, '\'');
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            buffer_append_byte(out, '"');
        }
        buffer_append_byte(out, (uint8_t)text.ptr[i]);
    }
    buffer_append_c(out, last ? "\"\r\n" : "\",");
}

static void put_number(struct buffer *out, int64_t number)
{
    buffer_append_int(out, number);
    buffer_append_byte(out, ',');
}

static struct status send_row(void *ctx, const struct audit_item *item)
{
    struct export *e = ctx;
    const struct audit_record_item *r = &item->record;
    char time[CLOCK_TEXT_BYTES];
    char id[UUID_TEXT_BYTES];
    clock_format(r->entry.time_us, time);
    uuid_format(r->entry.request_id, id);
    put_cell(&e->line, str_from_c(time), false);
    put_cell(&e->line, str_from_c(id), false);
    put_cell(&e->line, r->entry.actor, false);
    put_cell(&e->line, r->entry.accessor, false);
    put_cell(&e->line, r->entry.auth_method, false);
    put_cell(&e->line, r->entry.remote, false);
    put_cell(&e->line, r->entry.operation, false);
    put_cell(&e->line, r->entry.path, false);
    put_number(&e->line, r->entry.result);
    put_number(&e->line, r->entry.duration_us);
    put_cell(&e->line, r->entry.effect ? STR("true") : STR("false"), false);
    put_number(&e->line, r->chain_id);
    put_number(&e->line, r->seq);
    put_cell(&e->line, r->entry.detail, true);
    return send_line(e);
}

static struct status export_csv(struct session *s, struct export *e)
{
    buffer_append_c(&e->line, "time,request_id,actor,accessor,auth_method,remote,operation,path,"
                              "result,duration_us,effect,chain,seq,detail\r\n");
    TRY(send_line(e));
    return audit_walk_records(s, &e->filter, send_row, e);
}

static struct status export_lines(struct session *s, struct export *e)
{
    const struct audit_export_header header = {.exported_us = clock_wall_us(),
                                               .from_us = e->filter.from_us,
                                               .to_us = e->filter.to_us,
                                               .filtered = audit_filter_picks(&e->filter)};
    audit_line_put_header(&e->line, &header);
    TRY(send_line(e));
    TRY(header.filtered ? audit_walk_records(s, &e->filter, send_item, e)
                        : audit_walk(s, &e->filter, send_item, e));
    audit_line_put_end(&e->line, e->lines);
    return send_line(e);
}

static struct status export_work(struct session *s, void *arg)
{
    struct export *e = arg;
    return e->csv ? export_csv(s, e) : export_lines(s, e);
}

static void export_fiber(void *arg)
{
    struct export *e = arg;
    e->outcome = store_run(e->vault->store, export_work, e);
    channel_end(&e->channel);
    fiber_signal(&e->ended);
}

// ---- on the request's fiber

// Whoever loses the right to read it in the middle doesn't get the rest.
static struct status check_token(struct operation *op)
{
    struct batch_op query CLEANUP(batch_op_done) = {0};
    const struct store_value id = store_uuid(op->caller.id);
    if (op->worker->batch == NULL) {
        FAIL(SEALED, "the vault was sealed");
    }
    batch_query(op->worker->batch, &token_lives, &id, 1, &query);
    TRY(batch_wait(&query));
    if (query.rows.count != 1) {
        FAIL(DENIED, "the token was revoked or expired meanwhile");
    }
    return OK_STATUS;
}

static struct status write_parts(struct http_response *res, struct bytes data)
{
    while (data.len > 0) {
        size_t part = data.len < PART_BYTES ? data.len : PART_BYTES;
        TRY(http_response_write(res, (struct bytes){data.ptr, part}));
        data = (struct bytes){data.ptr + part, data.len - part};
    }
    return OK_STATUS;
}

static struct status forward(struct operation *op, struct http_response *res, struct export *e,
                             struct buffer *parts)
{
    int64_t look_at_us = clock_monotonic_us() + look_again_us;
    while (channel_take(&e->channel, parts)) {
        TRY(buffer_status(parts));
        TRY(write_parts(res, buffer_bytes(parts)));
        buffer_clear(parts);
        if (clock_monotonic_us() >= look_at_us) {
            TRY(check_token(op));
            look_at_us = clock_monotonic_us() + look_again_us;
        }
    }
    return OK_STATUS;
}

static struct status stream(struct operation *op, struct http_response *res, struct export *e)
{
    TRY(fiber_start(op->worker->loop, export_fiber, e));
    struct buffer parts CLEANUP(buffer_done);
    buffer_init(&parts, CHANNEL_BYTES);
    struct status sent = forward(op, res, e, &parts);
    channel_abandon(&e->channel);
    status_ignore(fiber_wait(&e->ended, CLOCK_NEVER)); // can't time out
    return status_ok(sent) ? e->outcome : sent;
}

static struct status read_format(struct http_request *req, struct http_response *res, bool *out_csv)
{
    struct str format = route_query(req, "format");
    *out_csv = str_equal(format, STR("csv"));
    if (format.len > 0 && !*out_csv && !str_equal(format, STR("jsonl"))) {
        return answer_explain(res, MAKE_STATUS(INVALID, "format"), req->arena,
                              "format is either jsonl or csv");
    }
    return OK_STATUS;
}

// The record that is durable before the first part leaves.
static struct status record_beginning(struct operation *op, struct http_request *req)
{
    op->reason = "the export begins";
    struct status recorded = operation_record(op, 200, clock_monotonic_us() - req->received_us);
    op->reason = NULL;
    return recorded;
}

static struct status run_export(struct operation *op, struct http_request *req,
                                struct http_response *res, struct export *e)
{
    channel_init(&e->channel, op->worker->loop, CHANNEL_BYTES);
    buffer_init(&e->line, LINE_BYTES);
    res->content_type = e->csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
    struct status s = record_beginning(op, req);
    if (status_ok(s)) {
        s = stream(op, res, e);
    }
    if (!status_ok(s)) {
        // What has left can't be taken back: the connection is cut, so that nobody takes it for
        // all.
        op->reason = s.what;
        http_response_abort(res, s);
    }
    buffer_done(&e->line);
    channel_done(&e->channel);
    return s;
}

static struct status get_export(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    struct export e = {.vault = op->worker->vault};
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(operation_require_sudo(op));
    TRY(sys_audit_filter(req, res, &e.filter));
    TRY(read_format(req, res, &e.csv));
    if (atomic_exchange(&under_way, true)) {
        FAIL(LIMIT, "another export is under way on this node");
    }
    struct status s = run_export(op, req, res, &e);
    atomic_store(&under_way, false);
    return s;
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "audit/export", get_export, ROUTE_PLAIN},
};
const struct route_table sys_audit_export_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
