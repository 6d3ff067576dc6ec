// SPDX-License-Identifier: ISC
// Building and sending a flight.
#include <stdlib.h>
#include <string.h>

#include "vault/base/limits.h"
#include "vault/store/batch_internal.h"

enum { GATHER_QUIET_US = 200, GATHER_MAX_US = 2000 };

// Not BEGIN: without it everything up to the synchronisation point is one implicit transaction,
// which a failure ends, and no COMMIT is needed.
static const struct store_statement begin_read = {"batch.begin_read",
                                                  "SET transaction_isolation = 'repeatable read'"};
static const struct store_statement read_snapshot = {
    "batch.snapshot", "SELECT epoch, clock_timestamp() FROM vault_epoch WHERE namespace_id = 1"};

static size_t slot_of(const struct batch *b, const struct store_statement *statement)
{
    size_t slot = ((uintptr_t)statement >> 4) % BATCH_STATEMENTS_MAX;
    while (b->prepared[slot] != NULL && b->prepared[slot] != statement) {
        slot = (slot + 1) % BATCH_STATEMENTS_MAX;
    }
    return slot;
}

bool batch_prepared(const struct batch *b, const struct store_statement *statement)
{
    return b->prepared[slot_of(b, statement)] == statement;
}

void batch_mark_prepared(struct batch *b, const struct store_statement *statement, bool prepared)
{
    size_t slot = slot_of(b, statement);
    if (prepared && b->prepared[slot] == NULL) {
        REQUIRE(b->prepared_count < BATCH_STATEMENTS_MAX / 2);
        b->prepared[slot] = statement;
        b->prepared_count++;
    }
}

struct batch_segment *batch_segment_new(struct batch *b, enum segment_kind kind)
{
    struct batch_segment *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->batch = b;
        s->kind = kind;
        s->ops_tail = &s->ops;
    }
    return s;
}

void batch_segment_free(struct batch_segment *s)
{
    if (s != NULL) {
        free(s->steps);
        free(s);
    }
}

static struct status add_step(struct batch_segment *s, struct step step)
{
    if (s->step_count == s->step_capacity) {
        size_t capacity = s->step_capacity == 0 ? 8 : s->step_capacity * 2;
        struct step *steps = reallocarray(s->steps, capacity, sizeof *steps);
        if (steps == NULL) {
            FAIL(NOMEM, "out of memory");
        }
        s->steps = steps;
        s->step_capacity = capacity;
    }
    s->steps[s->step_count++] = step;
    return OK_STATUS;
}

static struct status send(struct batch_segment *s, const struct store_statement *statement,
                          const struct store_value *values, size_t count, struct step step)
{
    struct store_params p CLEANUP(store_params_done);
    TRY(store_params_init(&p, values, count));
    step.name = statement->name;
    TRY(add_step(s, step));
    if (PQsendQueryPrepared(s->batch->conn, statement->name, (int)count, p.values, p.lengths,
                            p.formats, 1) != 1) {
        FAIL(UNAVAILABLE, "the connection to the database was lost");
    }
    return OK_STATUS;
}

static struct status send_control(struct batch_segment *s, const struct store_statement *statement,
                                  enum step_kind kind)
{
    return send(s, statement, NULL, 0, (struct step){.kind = kind});
}

struct status batch_segment_add(struct batch_segment *segment,
                                const struct store_statement *statement,
                                const struct store_value *values, size_t count)
{
    return send(segment, statement, values, count, (struct step){.kind = STEP_CONTROL});
}

// A failed statement makes the server skip everything up to here.
static struct status send_sync(struct batch_segment *s)
{
    if (PQpipelineSync(s->batch->conn) != 1) {
        FAIL(UNAVAILABLE, "the connection to the database was lost");
    }
    return OK_STATUS;
}

static void track(struct batch_segment *s)
{
    *s->batch->segments_tail = s;
    // lint: allow(analyzer) it is in the list of segments now
    s->batch->segments_tail = &s->next;
}

// A Parse in a segment of its own, so that nothing else can make it fail or be skipped.
static struct status ensure_prepared(struct batch *b, const struct store_statement *statement,
                                     const struct store_params *types)
{
    if (batch_prepared(b, statement)) {
        return OK_STATUS;
    }
    struct batch_segment *s = batch_segment_new(b, SEGMENT_PREPARE);
    if (s == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    track(s);
    s->preparing = statement;
    TRY(add_step(s, (struct step){.kind = STEP_CONTROL, .name = statement->name}));
    if (PQsendPrepare(b->conn, statement->name, statement->sql, (int)types->count, types->types) !=
        1) {
        FAIL(UNAVAILABLE, "the connection to the database was lost");
    }
    // Marked on sending: a failure unmarks the whole connection by losing it.
    batch_mark_prepared(b, statement, true);
    return send_sync(s);
}

static struct status ensure_prepared_plain(struct batch *b, const struct store_statement *statement)
{
    const struct store_params none = {.count = 0};
    return ensure_prepared(b, statement, &none);
}

static const struct store_statement *op_statement(const struct batch_op *op)
{
    return op->load != NULL ? &op->load->statement : op->statement;
}

// The types of a load's parameters are arrays of its key types.
static struct status op_types(const struct batch_op *op, struct store_params *out)
{
    if (op->load == NULL) {
        return store_params_init(out, op->values, op->value_count);
    }
    struct store_value empty[ARRAY_LEN(op->load->key_types)];
    for (size_t i = 0; i < op->load->key_count; i++) {
        empty[i] = store_array(op->load->key_types[i], NULL, 0);
    }
    return store_params_init(out, empty, op->load->key_count);
}

static struct status ensure_op_prepared(struct batch *b, const struct batch_op *op)
{
    const struct store_statement *statement = op_statement(op);
    if (batch_prepared(b, statement)) {
        return OK_STATUS;
    }
    struct store_params types CLEANUP(store_params_done);
    TRY(op_types(op, &types));
    return ensure_prepared(b, statement, &types);
}

static struct status send_load(struct batch_segment *s, const struct batch_load *load)
{
    size_t members = 0;
    for (const struct batch_op *op = s->ops; op != NULL; op = op->next) {
        members += op->load == load;
    }
    struct store_value *items = calloc(members * load->key_count, sizeof *items);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct store_value arrays[ARRAY_LEN(load->key_types)];
    size_t row = 0;
    for (const struct batch_op *op = s->ops; op != NULL; op = op->next) {
        if (op->load != load) {
            continue;
        }
        for (size_t k = 0; k < load->key_count; k++) {
            items[k * members + row] = op->values[k];
        }
        row++;
    }
    for (size_t k = 0; k < load->key_count; k++) {
        arrays[k] = store_array(load->key_types[k], items + k * members, members);
    }
    struct status outcome = send(s, &load->statement, arrays, load->key_count,
                                 (struct step){.kind = STEP_LOAD, .load = load});
    free(items);
    return outcome;
}

static struct status send_loads_and_queries(struct batch_segment *s)
{
    const struct batch_load *seen[BATCH_LOAD_KINDS_MAX];
    size_t seen_count = 0;
    for (struct batch_op *op = s->ops; op != NULL; op = op->next) {
        if (op->load == NULL) {
            TRY(send(s, op->statement, op->values, op->value_count,
                     (struct step){.kind = STEP_OP, .op = op}));
            continue;
        }
        size_t i = 0;
        while (i < seen_count && seen[i] != op->load) {
            i++;
        }
        if (i < seen_count) {
            continue;
        }
        REQUIRE(seen_count < BATCH_LOAD_KINDS_MAX);
        seen[seen_count++] = op->load;
        TRY(send_load(s, op->load));
    }
    return OK_STATUS;
}

static void add_member(struct batch_segment *s, struct batch_op *op)
{
    *s->ops_tail = op;
    s->ops_tail = &op->next;
    s->op_count++;
}

static struct status check_text(const struct batch_op *op)
{
    for (size_t i = 0; i < op->value_count; i++) {
        TRY(store_value_check(&op->values[i]));
    }
    return OK_STATUS;
}

// The next one, or NULL when it proved invalid: one bad value must not fail everybody's segment, so
// such an operation ends here.
static struct batch_op *pop_valid(struct batch *b, struct op_queue *q)
{
    struct batch_op *op = batch_queue_pop(q);
    struct status s = check_text(op);
    if (status_ok(s)) {
        s = ensure_op_prepared(b, op);
    }
    if (status_ok(s)) {
        return op;
    }
    batch_op_finish(op, s);
    return NULL;
}

static struct status send_read_segment(struct batch_segment *s)
{
    TRY(send_control(s, &begin_read, STEP_CONTROL));
    TRY(send_control(s, &read_snapshot, STEP_SNAPSHOT));
    TRY(send_loads_and_queries(s));
    return send_sync(s);
}

// What one fiber asked for without waiting in between shares a snapshot, however full the segment
// is; and whoever travels alone does so with the others of its fiber.
static void fill_read_segment(struct batch *b, struct batch_segment *s)
{
    const struct fiber *owner = NULL;
    bool full = false;
    while (b->reads.first != NULL) {
        const struct batch_op *next = b->reads.first;
        if (next->owner != owner && (full || (next->alone && s->op_count > 0))) {
            return;
        }
        owner = next->owner;
        full = next->alone || s->op_count + 1 >= LIMIT_BATCH_MEMBERS;
        struct batch_op *op = pop_valid(b, &b->reads);
        if (op != NULL) {
            add_member(s, op);
        }
    }
}

static struct status send_reads(struct batch *b)
{
    TRY(ensure_prepared_plain(b, &begin_read));
    TRY(ensure_prepared_plain(b, &read_snapshot));
    struct batch_segment *s = batch_segment_new(b, SEGMENT_READ);
    if (s == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    s->snapshot.flight = ++b->flight_number;
    fill_read_segment(b, s);
    if (s->op_count == 0) {
        batch_segment_free(s);
        return OK_STATUS;
    }
    track(s);
    b->stats.loads += s->op_count;
    return send_read_segment(s);
}

static struct status send_writes(struct batch *b)
{
    for (size_t i = 0; i < BATCH_WRITES_PER_FLIGHT && b->writes.first != NULL; i++) {
        struct batch_op *op = pop_valid(b, &b->writes);
        if (op == NULL) {
            continue;
        }
        struct batch_segment *s = batch_segment_new(b, SEGMENT_WRITE);
        if (s == NULL) {
            batch_op_finish(op, MAKE_STATUS(NOMEM, "out of memory"));
            break;
        }
        add_member(s, op);
        track(s);
        b->stats.writes++;
        TRY(send(s, op->statement, op->values, op->value_count,
                 (struct step){.kind = STEP_OP, .op = op}));
        TRY(send_sync(s));
    }
    return OK_STATUS;
}

static struct status send_barrier(struct batch *b)
{
    struct batch_segment *s = batch_segment_new(b, SEGMENT_BARRIER);
    if (s == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct status built = b->options.barrier->build(b->options.barrier_ctx, s, &s->barrier_group);
    if (!status_ok(built)) {
        batch_segment_free(s);
        return built;
    }
    track(s);
    b->barrier_under_way = true;
    b->stats.barriers++;
    return send_sync(s);
}

// How much waits for a barrier that may go. One at a time: the next continues its chain, and would
// leave a hole in it should this one fail.
static size_t due(const struct batch *b)
{
    return b->barrier_under_way ? 0 : b->options.barrier->pending(b->options.barrier_ctx);
}

// Flights alternate: reads and writes with one, the barrier of what came of them with the next. A
// request that comes while a barrier waits for the disk then travels with those who are answered by
// it, and all who ask at about the same time stay together in one flight of each sort.
static bool barrier_is_next(const struct batch *b)
{
    size_t pending = due(b);
    bool others = b->reads.count > 0 || b->writes.count > 0;
    return pending > 0 && (!others || !b->barrier_sent || pending >= BATCH_FULL_BARRIER);
}

static struct status send_flight(struct batch *b)
{
    b->barrier_sent = barrier_is_next(b);
    if (b->barrier_sent) {
        return send_barrier(b);
    }
    if (b->reads.count > 0) {
        TRY(send_reads(b));
    }
    if (b->writes.count > 0) {
        TRY(send_writes(b));
    }
    return OK_STATUS;
}

static struct batch_segment *last_segment(const struct batch *b)
{
    struct batch_segment *last = b->segments;
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    return last;
}

// A flight costs as much as the work of a dozen members, so it waits a moment for those who are
// about to come: the clients who got their answers with the last barrier. It goes when all of them
// have asked, or none has for a while. Whoever asks alone is never waited with.
static bool gather(struct batch *b)
{
    int64_t now_us = loop_now_us(b->options.loop);
    if (b->reads.count >= b->reads_expected || b->writes.count > 0 || barrier_is_next(b)) {
        b->gather_until_us = CLOCK_NEVER;
        return false;
    }
    bool begins = b->gather_until_us == CLOCK_NEVER;
    if (begins) {
        b->gather_end_us = now_us + GATHER_MAX_US;
    }
    if (begins || b->reads.count > b->gathered) {
        b->gathered = b->reads.count;
        b->gather_until_us = now_us + GATHER_QUIET_US;
    }
    if (now_us < b->gather_until_us && now_us < b->gather_end_us) {
        return true;
    }
    b->gather_until_us = CLOCK_NEVER;
    return false;
}

static void note_flight(struct batch *b, size_t reads)
{
    if (b->flights == 0) {
        b->alive_us = loop_now_us(b->options.loop);
    }
    b->flights++;
    b->stats.flights++;
    if (!b->barrier_sent) {
        b->reads_sent = reads;
        b->reads_expected = 0;
    }
}

static void send_next(struct batch *b)
{
    const struct batch_segment *before = last_segment(b);
    size_t waiting = b->reads.count;
    struct status sent = send_flight(b);
    if (!status_ok(sent)) {
        // Half a flight can't be taken back: start over with a new connection.
        batch_connection_lost(b, sent);
        return;
    }
    struct batch_segment *last = last_segment(b);
    if (last != before) { // not everything that was queued proved invalid
        last->ends_flight = true;
        note_flight(b, waiting - b->reads.count);
    }
}

// A full flight goes beside another one, so that neither side waits for the other; one that isn't
// goes alone.
static bool may_send(struct batch *b)
{
    if (b->conn == NULL || b->flights == BATCH_FLIGHTS_MAX) {
        return false;
    }
    size_t pending = due(b);
    size_t others = b->reads.count + b->writes.count;
    if (pending >= BATCH_FULL_BARRIER || others >= BATCH_FULL_LOADS) {
        return true;
    }
    return b->flights == 0 && pending + others > 0 && !gather(b);
}

void batch_flight_send(struct batch *b)
{
    while (may_send(b)) {
        send_next(b);
    }
    int unsent = b->conn == NULL ? 0 : PQflush(b->conn);
    if (unsent < 0) {
        batch_connection_lost(b, MAKE_STATUS(UNAVAILABLE, "can't send to the database"));
    }
    if (b->conn != NULL) {
        batch_watch(b, unsent > 0);
    }
}
