// SPDX-License-Identifier: ISC
// events: what happens to the credentials of a mount, as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). The same notices as webhooks
// get, never a value, and only of credentials whose settings the caller may read.
//
// With every look at the notices the caller is looked at too, in the same snapshot, at least every
// ten seconds; when mounts or policies have changed, the new ones decide about what is sent next.
//
// Since the answer begins to leave before the handler ends, its audit record is made before the
// first part and another one at the end.
#include <stdio.h>

#include "api/routes/rotation_routes.h"
#include "vault/notify/rules.h"
#include "vault/rotation/feed.h"

enum {
    LOOK_US = 10 * CLOCK_SECOND, // and after so much silence, a sign of life
    SLOW_US = 10 * CLOCK_SECOND, // that the client may keep us waiting for room
    ROOM_POLL_US = CLOCK_SECOND / 50,
    EVENT_BYTES = 60 * 1024,
};

static const struct store_statement find_caller = {
    "events.caller", "SELECT 1 FROM token WHERE id = $1 AND expires_at > clock_timestamp()"};

struct events {
    struct operation *op;
    struct http_request *req;
    struct http_response *res;
    struct str pattern; // of names
    int64_t place;      // all up to here was sent, or isn't for the caller
    int64_t sent_us;
    struct catalog *catalog; // newer than the dispatcher's, or NULL
    struct feed_waiter waiter;
};

static void done_events(struct events *e)
{
    feed_leave(&e->waiter);
    e->req->on_abandon = NULL;
    catalog_release(e->catalog);
}

// ---- sending

static bool has_gone(const struct events *e)
{
    return e->req->abandoned;
}

// A client that doesn't read can't hold more than the answer's buffer, nor its fiber for long.
static struct status wait_for_room(struct events *e, size_t len)
{
    int64_t until_us = clock_monotonic_us() + SLOW_US;
    while (!http_response_has_room(e->res, len) && !has_gone(e)) {
        if (clock_monotonic_us() > until_us) {
            FAIL(TIMEOUT, "the client doesn't read what is sent");
        }
        TRY(feed_running(&e->waiter));
        fiber_sleep_until(clock_monotonic_us() + ROOM_POLL_US);
    }
    return OK_STATUS;
}

static struct status send_text(struct events *e, struct str text)
{
    TRY(wait_for_room(e, text.len));
    e->sent_us = clock_monotonic_us();
    return has_gone(e) ? OK_STATUS : http_response_write(e->res, bytes_from_str(text));
}

// An id alone is no event: the client comes back with it all the same.
static struct status send_place(struct events *e, const char *before)
{
    char text[96];
    int len = snprintf(text, sizeof text, "%sid: %lld\n\n", before, (long long)e->place);
    return send_text(e, (struct str){text, (size_t)len});
}

// A payload is JSON in one line.
static struct status send_notice(struct events *e, const struct notice *n)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, EVENT_BYTES);
    buffer_append_c(&text, "id: ");
    buffer_append_int(&text, e->place);
    buffer_append_c(&text, "\nevent: ");
    buffer_append_str(&text, n->event);
    buffer_append_c(&text, "\ndata: ");
    buffer_append_str(&text, n->payload);
    buffer_append_c(&text, "\n\n");
    TRY(buffer_status(&text));
    return send_text(e, buffer_str(&text));
}

// ---- whose it is

static bool may_read(struct events *e, const struct notice *n)
{
    char path[LIMIT_MOUNT_PATH_BYTES + LIMIT_NAME_BYTES + 32];
    struct str mount = e->op->mount->path;
    int len =
        snprintf(path, sizeof path, "%.*scredentials/%.*s", STR_ARG(mount), STR_ARG(n->credential));
    return len > 0 && (size_t)len < sizeof path &&
           operation_may(e->op, POLICY_OP_READ, (struct str){path, (size_t)len});
}

// The mount's own entry is the dispatcher's, which keeps it until the handler returns.
static struct status renew_catalog(struct events *e, int64_t epoch)
{
    struct catalog *newer;
    TRY(worker_catalog(e->op->worker, epoch, &newer));
    catalog_release(e->catalog);
    e->catalog = newer;
    e->op->catalog = newer;
    const struct mount *m = catalog_mount_of(newer, e->op->path);
    if (m == NULL || !uuid_equal(m->id, e->op->mount->id)) {
        FAIL(NOT_FOUND, "the mount was removed");
    }
    return OK_STATUS;
}

static struct status check_caller(struct events *e, const struct batch_op *caller)
{
    struct operation *op = e->op;
    if (caller->rows.count != 1) {
        FAIL(UNAUTHENTICATED, "the token was revoked or expired meanwhile");
    }
    op->snapshot = caller->snapshot;
    if (op->snapshot.epoch != catalog_epoch(op->catalog)) {
        TRY(renew_catalog(e, op->snapshot.epoch));
    }
    return operation_authorise(op, POLICY_OP_READ);
}

// ---- looking

static struct status send_row(struct events *e, const struct store_rows *rows, int row)
{
    struct notice n;
    e->place = store_get_int(rows, row, FEED_PLACE_AT);
    struct status s = notice_read(e->op->worker->vault->keyring, rows, row, FEED_NOTICE_AT, &n);
    if (s.code == STATUS_INTEGRITY) {
        return OK_STATUS; // reported, and no reason to hold back what comes after it
    }
    TRY(s);
    bool wanted =
        uuid_equal(n.mount, e->op->mount->id) && rules_pattern_matches(e->pattern, n.credential);
    return wanted && may_read(e, &n) ? send_notice(e, &n) : OK_STATUS;
}

// One page; `*out_more` when there may be another one.
static struct status look(struct events *e, bool *out_more)
{
    struct batch *b = e->op->worker->batch;
    struct batch_op notices CLEANUP(batch_op_done) = {0};
    struct batch_op caller CLEANUP(batch_op_done) = {0};
    const struct store_value keys[] = {store_uuid(e->op->mount->id), store_int(e->place)};
    const struct store_value id = store_uuid(e->op->caller.id);
    if (b == NULL) {
        FAIL(SEALED, "the vault was sealed meanwhile");
    }
    batch_load(b, &feed_load_notices, keys, &notices);
    batch_query(b, &find_caller, &id, 1, &caller);
    struct status loaded = batch_wait(&notices);
    TRY(batch_wait(&caller));
    TRY(loaded);
    TRY(check_caller(e, &caller));
    for (int row = 0; row < notices.rows.count && !has_gone(e); row++) {
        TRY(send_row(e, &notices.rows, row));
    }
    *out_more = notices.rows.count >= FEED_PAGE;
    return OK_STATUS;
}

static struct status look_at_all(struct events *e)
{
    bool more = true;
    while (more && !has_gone(e)) {
        TRY(look(e, &more));
        TRY(feed_running(&e->waiter));
    }
    return OK_STATUS;
}

static struct status follow(struct events *e)
{
    TRY(send_place(e, "retry: 1000\n"));
    while (!has_gone(e)) {
        TRY(look_at_all(e));
        struct status s = feed_wait(&e->waiter, clock_monotonic_us() + LOOK_US);
        if (s.code != STATUS_TIMEOUT) {
            TRY(s);
        }
        if (clock_monotonic_us() >= e->sent_us + LOOK_US) {
            TRY(send_place(e, ": still here\n"));
        }
    }
    e->op->reason = "the client has gone";
    return OK_STATUS;
}

// ---- beginning

// The header is what a client sends that comes back by itself, with the query of its first time.
static struct status read_since(struct events *e, const struct rotation_body *b)
{
    struct str since = http_request_header(e->req, STR("Last-Event-ID"));
    const char *name = since.len > 0 ? "Last-Event-ID" : "since";
    int64_t newest;
    int64_t place;
    since = since.len > 0 ? since : route_query(e->req, "since");
    if (since.len > 0 && (!status_ok(str_parse_int(since, &place)) || place < 0)) {
        return rotation_refuse_field(b, name,
                                     "expected the id of an event, 0 for all that are kept");
    }
    TRY(feed_newest(e->op->worker, &newest));
    e->place = since.len == 0 || place > newest ? newest : place;
    return OK_STATUS;
}

static struct status read_pattern(struct events *e, const struct rotation_body *b)
{
    struct str pattern = route_query(e->req, "credentials");
    e->pattern = pattern.len > 0 ? pattern : STR("*");
    if (!rules_is_pattern(e->pattern)) {
        return rotation_refuse_field(b, "credentials",
                                     "expected a name, with * for any number of characters");
    }
    return OK_STATUS;
}

static void client_has_gone(void *ctx)
{
    struct events *e = ctx;
    fiber_signal(&e->waiter.woken);
}

static struct status record_beginning(struct events *e)
{
    struct operation *op = e->op;
    op->reason = "the stream begins";
    struct status s = operation_record(op, 200, clock_monotonic_us() - e->req->received_us);
    op->reason = NULL;
    return s;
}

struct status rotation_stream_events(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    const struct rotation_body body = {op, res};
    TRY(operation_enter(op, POLICY_OP_READ));
    struct events e CLEANUP(done_events) = {
        .op = op,
        .req = req,
        .res = res,
        .waiter = {.kind = FEED_NOTICES, .subject = op->mount->id}};
    TRY(read_pattern(&e, &body));
    TRY(read_since(&e, &body));
    if (req->method == HTTP_HEAD) {
        return OK_STATUS;
    }
    TRY(feed_join(op->worker, &e.waiter));
    req->on_abandon_ctx = &e;
    req->on_abandon = client_has_gone;
    res->content_type = "text/event-stream";
    res->close = true; // else it would outlast a graceful stop
    TRY(record_beginning(&e));
    struct status s = follow(&e);
    if (s.code == STATUS_TIMEOUT) {
        http_response_abort(res, s); // it wouldn't read the end either
    }
    return s;
}
