// SPDX-License-Identifier: ISC
// The parts of a batch: batch.c (queues and connection), batch_flight.c (sending),
// batch_reply.c (receiving). Only for these files.
#pragma once

#include <libpq-fe.h>

#include "vault/store/batch.h"

enum segment_kind { SEGMENT_PREPARE, SEGMENT_BARRIER, SEGMENT_READ, SEGMENT_WRITE };

// One statement whose reply is awaited.
enum step_kind {
    STEP_CONTROL,  // BEGIN, COMMIT, the barrier: only success matters
    STEP_SNAPSHOT, // fills the segment's snapshot
    STEP_LOAD,     // its rows are dealt out to the members that asked with it
    STEP_OP        // its rows belong to one operation
};

struct step {
    enum step_kind kind;
    const struct batch_load *load;
    struct batch_op *op;
    const char *name;
};

// What succeeds or fails together.
struct batch_segment {
    struct batch *batch;
    struct batch_segment *next;
    enum segment_kind kind;
    const struct store_statement *preparing; // SEGMENT_PREPARE
    void *barrier_group;                     // SEGMENT_BARRIER
    struct batch_op *ops;                    // members, in the order of their ordinals
    struct batch_op **ops_tail;
    size_t op_count;
    struct step *steps;
    size_t step_count;
    size_t step_capacity;
    size_t step_at;
    struct batch_snapshot snapshot;
    struct status outcome; // the first failure
    bool warned;
    bool ends_flight;
};

struct op_queue {
    struct batch_op *first;
    struct batch_op **tail;
    size_t count;
};

enum {
    BATCH_STATEMENTS_MAX = 256, // a power of two
    BATCH_LOAD_KINDS_MAX = 8,   // different loads in one segment
    BATCH_FLIGHTS_MAX = 3,
    // So much makes a flight worth its price: it waits for nothing. (A request loads twice.)
    BATCH_FULL_BARRIER = 16,
    BATCH_FULL_LOADS = 32,
    BATCH_WRITES_PER_FLIGHT = 64 // so that reads behind them don't wait long
};

struct batch {
    struct batch_options options;
    struct loop_source source;
    PGconn *conn; // NULL while there is none
    struct op_queue reads;
    struct op_queue writes;
    struct batch_segment *segments; // sent and unanswered, oldest first
    struct batch_segment **segments_tail;
    size_t flights; // sent and unanswered
    uint64_t flight_number;
    int64_t alive_us;        // when the server last answered, or had nothing to answer
    bool barrier_under_way;  // sent and unanswered
    bool barrier_sent;       // with the last flight
    size_t reads_sent;       // with the last flight that had any
    size_t reads_expected;   // once a barrier is done: those who waited and those who ask again
    size_t gathered;         // of them, so far
    int64_t gather_until_us; // CLOCK_NEVER while nobody is waited for
    int64_t gather_end_us;   // not even for those who come one by one
    const struct store_statement *prepared[BATCH_STATEMENTS_MAX]; // open addressing by address
    size_t prepared_count;
    struct batch_stats stats;
    struct fiber_event lost;  // wakes the connecting fiber
    struct fiber_event ended; // set when the connecting fiber has ended
    bool closing;
};

// batch_flight.c
void batch_flight_send(struct batch *b); // if there is work and room for another flight
struct batch_segment *batch_segment_new(struct batch *b, enum segment_kind kind);
void batch_segment_free(struct batch_segment *s);
bool batch_prepared(const struct batch *b, const struct store_statement *statement);
void batch_mark_prepared(struct batch *b, const struct store_statement *statement, bool prepared);

// batch_reply.c
void batch_reply_read(struct batch *b); // all that has arrived

// batch.c
void batch_connection_lost(struct batch *b, struct status why);
void batch_op_finish(struct batch_op *op, struct status status);
void batch_watch(struct batch *b, bool want_write); // after sending or receiving
void batch_queue_push(struct op_queue *q, struct batch_op *op);
struct batch_op *batch_queue_pop(struct op_queue *q);
