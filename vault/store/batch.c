// SPDX-License-Identifier: ISC
#include "vault/store/batch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "vault/base/limits.h"
#include "vault/base/log.h"
#include "vault/store/batch_internal.h"
#include "vault/store/session_internal.h"

enum {
    STALL_US = LIMIT_SILENCE_S * CLOCK_SECOND, // a flight without any reply: the connection is dead
    BACKOFF_FIRST_US = CLOCK_SECOND / 20,
    BACKOFF_MAX_US = 2 * CLOCK_SECOND,
};

void batch_queue_push(struct op_queue *q, struct batch_op *op)
{
    op->next = NULL;
    if (q->first == NULL) {
        q->tail = &q->first;
    }
    *q->tail = op;
    q->tail = &op->next;
    q->count++;
}

struct batch_op *batch_queue_pop(struct op_queue *q)
{
    struct batch_op *op = q->first;
    if (op != NULL) {
        q->first = op->next;
        q->count--;
        op->next = NULL;
    }
    return op;
}

void batch_op_finish(struct batch_op *op, struct status status)
{
    op->status = status;
    fiber_signal(&op->done);
}

static void fail_queue(struct op_queue *q)
{
    struct batch_op *op;
    while ((op = batch_queue_pop(q)) != NULL) {
        batch_op_finish(op, MAKE_STATUS(UNAVAILABLE, "the database can't be reached"));
    }
}

static void fail_segment(struct batch *b, struct batch_segment *s)
{
    struct status lost = MAKE_STATUS(UNAVAILABLE, "the connection to the database was lost");
    if (s->kind == SEGMENT_BARRIER) {
        b->options.barrier->done(b->options.barrier_ctx, s->barrier_group, lost);
    }
    struct batch_op *op = s->ops;
    while (op != NULL) {
        struct batch_op *next = op->next;
        op->outcome_unknown = s->kind == SEGMENT_WRITE;
        batch_op_finish(op, lost);
        op = next;
    }
}

void batch_connection_lost(struct batch *b, struct status why)
{
    if (b->conn == NULL) {
        return;
    }
    log_repeated(b->closing ? LOG_DEBUG : LOG_WARN, "store.connection_lost",
                 LOG_INT("flights", b->flights), LOG_STATUS(why));
    loop_remove(&b->source);
    PQfinish(b->conn);
    b->conn = NULL;
    b->flights = 0;
    b->barrier_under_way = false;
    b->gather_until_us = CLOCK_NEVER;
    struct batch_segment *s = b->segments;
    b->segments = NULL;
    b->segments_tail = &b->segments;
    while (s != NULL) {
        struct batch_segment *next = s->next;
        fail_segment(b, s);
        batch_segment_free(s);
        s = next;
    }
    fail_queue(&b->reads);
    fail_queue(&b->writes);
    fiber_signal(&b->lost);
}

// Readable, writable, stalled, or kicked because something was queued.
static void on_event(struct loop_source *source, uint32_t events)
{
    struct batch *b = CONTAINER_OF(source, struct batch, source);
    bool stalled = events == 0 && b->segments != NULL && source->deadline_us == CLOCK_NEVER;
    if (stalled) {
        batch_connection_lost(b, MAKE_STATUS(TIMEOUT, "the database has stopped answering"));
        return;
    }
    if ((events & ~(uint32_t)EPOLLOUT) != 0) {
        batch_reply_read(b);
        // Sent when the fibers that were answered have run: their records travel with the next.
        batch_kick(b);
    } else {
        batch_flight_send(b);
    }
}

// On an offload thread, before the connection is in use.
static struct status prepare_barrier(const struct batch *b, struct session *s)
{
    const struct store_statement *const *at = b->options.barrier->statements;
    for (; *at != NULL; at++) {
        TRY(session_prepare(s, *at));
    }
    return OK_STATUS;
}

// What was prepared on the connection before is gone with it.
static void forget_prepared(struct batch *b)
{
    memset(b->prepared, 0, sizeof b->prepared);
    b->prepared_count = 0;
    const struct store_statement *const *at = b->options.barrier->statements;
    for (; *at != NULL; at++) {
        batch_mark_prepared(b, *at, true);
    }
}

struct connect_job {
    struct batch *batch;
    PGconn *conn;
};

// Plans that go by the index, whatever the statistics say: what is a good plan for a small table is
// a slow one a week later, and the other way round. (The price that the planner puts on what can't
// go by an index would make it compile: jit.)
static struct status settings(struct session *s)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SET synchronous_commit = off; SET lock_timeout = %d; SET statement_timeout = %d; "
             "SET idle_in_transaction_session_timeout = 0; "
             "SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off; "
             "SET enable_hashjoin = off; SET enable_mergejoin = off",
             LIMIT_LOCK_WAIT_MS, LIMIT_STATEMENT_MS);
    return session_script(s, sql);
}

// On an offload thread. `connected` runs with the session's own settings: it must be durable.
static struct status connect_blocking(void *arg)
{
    struct connect_job *job = arg;
    struct batch *b = job->batch;
    struct session *s CLEANUP(session_cleanup) = NULL;
    TRY(session_open(b->options.config, &s));
    TRY(b->options.barrier->connected(b->options.barrier_ctx, s));
    TRY(settings(s));
    TRY(prepare_barrier(b, s));
    job->conn = session_take_connection(TAKE(s));
    return OK_STATUS;
}

static void note_warning(void *arg, const PGresult *res)
{
    struct batch *b = arg;
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (b->segments != NULL && severity != NULL && strcmp(severity, "WARNING") == 0) {
        b->segments->warned = true;
    }
}

static struct status attach(struct batch *b, PGconn *conn)
{
    PQsetNoticeReceiver(conn, note_warning, b);
    if (PQenterPipelineMode(conn) != 1) {
        FAIL(UNAVAILABLE, "the connection to the database was lost");
    }
    b->source = (struct loop_source){
        .fd = PQsocket(conn), .events = EPOLLIN, .deadline_us = CLOCK_NEVER, .dispatch = on_event};
    TRY(loop_add(b->options.loop, &b->source));
    b->conn = conn;
    b->stats.connections++;
    batch_kick(b); // audit records that waited for a connection have nobody else to start them
    return OK_STATUS;
}

static struct status connect_once(struct batch *b)
{
    struct connect_job job = {.batch = b};
    TRY(offload_run(b->options.offload, connect_blocking, &job));
    forget_prepared(b);
    b->lost = (struct fiber_event){0};
    struct status outcome = attach(b, job.conn);
    if (!status_ok(outcome)) {
        PQfinish(job.conn);
    }
    return outcome;
}

static void keep_connected(void *arg)
{
    struct batch *b = arg;
    int64_t backoff_us = BACKOFF_FIRST_US;
    while (!b->closing) {
        struct status s = connect_once(b);
        if (status_ok(s)) {
            backoff_us = BACKOFF_FIRST_US;
            if (b->closing) {
                batch_connection_lost(b, OK_STATUS); // batch_close() found none yet
            }
            status_ignore(fiber_wait(&b->lost, CLOCK_NEVER)); // can't time out
            continue;
        }
        log_repeated(LOG_WARN, "store.no_connection", LOG_STATUS(s));
        fiber_sleep_until(loop_now_us(b->options.loop) + backoff_us);
        backoff_us = backoff_us * 2 < BACKOFF_MAX_US ? backoff_us * 2 : BACKOFF_MAX_US;
    }
    fiber_signal(&b->ended);
}

struct status batch_new(const struct batch_options *options, struct batch **out)
{
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    b->options = *options;
    b->segments_tail = &b->segments;
    b->gather_until_us = CLOCK_NEVER;
    struct status s = fiber_start(options->loop, keep_connected, b);
    if (!status_ok(s)) {
        free(b);
        return s;
    }
    *out = b;
    return OK_STATUS;
}

void batch_close(struct batch *b)
{
    b->closing = true;
    batch_connection_lost(b, OK_STATUS);
    status_ignore(fiber_wait(&b->ended, CLOCK_NEVER)); // can't time out
}

void batch_free(struct batch *b)
{
    free(b);
}

bool batch_connected(const struct batch *b)
{
    return b->conn != NULL;
}

static void submit(struct batch *b, struct op_queue *q, struct batch_op *op)
{
    op->owner = fiber_current();
    if (b->conn == NULL) {
        batch_op_finish(op, MAKE_STATUS(UNAVAILABLE, "the database can't be reached"));
    } else if (q->count >= LIMIT_BATCH_QUEUE) {
        batch_op_finish(op, MAKE_STATUS(UNAVAILABLE, "too many requests wait for the database"));
    } else {
        batch_queue_push(q, op);
        batch_kick(b);
    }
}

void batch_load(struct batch *b, const struct batch_load *load, const struct store_value *keys,
                struct batch_op *op)
{
    *op = (struct batch_op){.load = load, .values = keys, .value_count = load->key_count};
    submit(b, &b->reads, op);
}

void batch_query(struct batch *b, const struct store_statement *statement,
                 const struct store_value *values, size_t count, struct batch_op *op)
{
    *op = (struct batch_op){.statement = statement, .values = values, .value_count = count};
    submit(b, &b->reads, op);
}

void batch_write(struct batch *b, const struct store_statement *statement,
                 const struct store_value *values, size_t count, struct batch_op *op)
{
    *op = (struct batch_op){.statement = statement, .values = values, .value_count = count};
    submit(b, &b->writes, op);
}

struct status batch_wait(struct batch_op *op)
{
    TRY(fiber_wait(&op->done, CLOCK_NEVER));
    return op->status;
}

void batch_op_done(struct batch_op *op)
{
    store_rows_done(&op->rows);
}

void batch_kick(struct batch *b)
{
    if (b->conn != NULL) {
        loop_kick(&b->source);
    }
}

struct batch_stats batch_stats(const struct batch *b)
{
    struct batch_stats stats = b->stats;
    stats.queued = b->reads.count + b->writes.count;
    return stats;
}

// With a flight under way the deadline counts from the last sign of life.
void batch_watch(struct batch *b, bool want_write)
{
    b->source.events = EPOLLIN | (want_write ? (uint32_t)EPOLLOUT : 0);
    b->source.deadline_us = b->segments != NULL ? b->alive_us + STALL_US : b->gather_until_us;
    loop_update(&b->source);
}
