// SPDX-License-Identifier: ISC
// Receiving what a flight's statements returned. Replies come in the order of sending: the oldest
// segment's next step is always the one that is being answered.
#include <errno.h>
#include <stdlib.h>

#include "vault/store/batch_internal.h"
#include "vault/store/result_internal.h"
#include "vault/store/sqlstate.h"

// Each member's rows are a run with its ordinal in the first column.
static void deal_out(struct batch_segment *s, const struct batch_load *load,
                     struct store_result *result)
{
    struct store_rows all = {result, 0, store_result_row_count(result)};
    int at = 0;
    int64_t ordinal = 0;
    for (struct batch_op *op = s->ops; op != NULL; op = op->next) {
        if (op->load != load) {
            continue;
        }
        ordinal++;
        op->rows.first = at;
        while (at < all.count && store_get_int(&all, at, 0) == ordinal) {
            at++;
        }
        op->rows.count = at - op->rows.first;
        op->rows.result = store_result_retain(result);
    }
}

static void read_snapshot_row(struct batch_segment *s, struct store_result *result)
{
    struct store_rows row = {result, 0, store_result_row_count(result)};
    if (row.count == 1) {
        s->snapshot.epoch = store_get_int(&row, 0, 0);
        s->snapshot.now_us = store_get_time(&row, 0, 1);
    } else {
        s->outcome = MAKE_STATUS(INTEGRITY, "the database has no epoch");
    }
}

static void give_rows(struct batch_op *op, struct store_result *result)
{
    op->rows = (struct store_rows){store_result_retain(result), 0, store_result_row_count(result)};
}

static struct status take_step(struct batch_segment *s, const struct step *step, PGresult *res)
{
    struct status outcome = sqlstate_check(res, step->name);
    if (!status_ok(outcome) || step->kind == STEP_CONTROL) {
        PQclear(res);
        return outcome;
    }
    struct store_result *result CLEANUP(store_result_cleanup) = NULL;
    TRY(store_result_wrap(res, &result));
    if (step->kind == STEP_SNAPSHOT) {
        read_snapshot_row(s, result);
    } else if (step->kind == STEP_LOAD) {
        deal_out(s, step->load, result);
    } else {
        give_rows(step->op, result);
    }
    return OK_STATUS;
}

// A failed read segment tells nothing about each of its members: each fiber's are tried by
// themselves, once.
static bool retry_singly(struct batch *b, struct batch_segment *s)
{
    if (s->kind != SEGMENT_READ || s->ops->alone) {
        return false;
    }
    struct batch_op *op = s->ops;
    while (op != NULL) {
        struct batch_op *next = op->next;
        store_rows_done(&op->rows);
        op->alone = true;
        batch_queue_push(&b->reads, op);
        b->stats.retries++;
        op = next;
    }
    return true;
}

static void finish_ops(struct batch_segment *s)
{
    struct batch_op *op = s->ops;
    while (op != NULL) {
        struct batch_op *next = op->next;
        op->snapshot = s->snapshot;
        if (!status_ok(s->outcome)) {
            store_rows_done(&op->rows);
        }
        batch_op_finish(op, s->outcome);
        op = next;
    }
}

static void finish_segment(struct batch *b, struct batch_segment *s)
{
    if (s->kind == SEGMENT_BARRIER) {
        b->barrier_under_way = false;
        if (s->warned && status_ok(s->outcome)) {
            s->outcome = MAKE_STATUS(UNAVAILABLE, "the synchronous replica did not confirm");
        }
        b->options.barrier->done(b->options.barrier_ctx, s->barrier_group, s->outcome);
    } else if (status_ok(s->outcome) || !retry_singly(b, s)) {
        finish_ops(s);
    }
}

static void pop_segment(struct batch *b)
{
    struct batch_segment *s = b->segments;
    b->segments = s->next;
    if (b->segments == NULL) {
        b->segments_tail = &b->segments;
    }
    if (s->ends_flight) {
        b->flights--;
        b->reads_expected = b->barrier_sent ? b->reads.count + b->reads_sent : 0;
    }
    finish_segment(b, s);
    // A statement that doesn't parse, or a barrier that failed, leaves a connection in a state that
    // nothing may build upon: the chain's head is no longer what memory says.
    bool fatal =
        !status_ok(s->outcome) && (s->kind == SEGMENT_PREPARE || s->kind == SEGMENT_BARRIER);
    struct status outcome = s->outcome;
    batch_segment_free(s);
    if (fatal) {
        batch_connection_lost(b, outcome);
    }
}

static void lost(struct batch *b)
{
    batch_connection_lost(b, MAKE_STATUS(UNAVAILABLE, "the database closed the connection"));
}

// An error without a code is libpq's own. When it lacks memory it makes one even in the place of a
// synchronisation point, which then never comes: nothing can be counted on this connection any
// more.
static bool is_libpqs_own(const PGresult *res)
{
    return PQresultStatus(res) == PGRES_FATAL_ERROR &&
           PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL;
}

static void take_result(struct batch *b, PGresult *res)
{
    struct batch_segment *s = b->segments;
    REQUIRE(s != NULL);
    if (is_libpqs_own(res)) {
        PQclear(res);
        lost(b);
        return;
    }
    if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
        PQclear(res);
        pop_segment(b);
        return;
    }
    struct status outcome;
    if (s->step_at < s->step_count) {
        outcome = take_step(s, &s->steps[s->step_at], res);
    } else {
        // An implicit transaction commits at the synchronisation point, and can still fail there.
        outcome = sqlstate_check(res, "commit");
        PQclear(res);
    }
    if (!status_ok(outcome) && status_ok(s->outcome)) {
        s->outcome = outcome;
    }
}

// NULL ends the results of one statement. One more than there are statements means that libpq has
// lost count, for want of memory: it would give NULL for ever.
static void end_step(struct batch *b)
{
    struct batch_segment *s = b->segments;
    if (s->step_at < s->step_count) {
        s->step_at++;
    } else {
        lost(b);
    }
}

// libpq 15 goes on without what it had no memory for, be it a synchronisation point: it would wait
// for that until the connection counts as stalled.
static bool is_busy(struct batch *b)
{
    errno = 0;
    bool busy = PQisBusy(b->conn) != 0;
    if (errno == ENOMEM) {
        lost(b);
        return true;
    }
    return busy;
}

void batch_reply_read(struct batch *b)
{
    b->alive_us = loop_now_us(b->options.loop);
    if (PQconsumeInput(b->conn) != 1) {
        lost(b);
        return;
    }
    while (b->conn != NULL && b->segments != NULL && !is_busy(b)) {
        PGresult *res = PQgetResult(b->conn);
        if (res != NULL) {
            take_result(b, res);
        } else if (PQstatus(b->conn) != CONNECTION_OK) {
            lost(b);
        } else {
            end_step(b);
        }
    }
    if (b->conn != NULL && PQstatus(b->conn) != CONNECTION_OK) {
        lost(b);
    }
}
