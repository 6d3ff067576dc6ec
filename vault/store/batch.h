// SPDX-License-Identifier: ISC
// A worker's own connection: everything that fibers ask for while one flight is at the database
// gathers into the next. A flight is one write to the socket, and holds either
//   - one read segment: an implicit REPEATABLE READ transaction of the epoch, loads and queries,
//     and the writes, each an implicit transaction of its own; or
//   - the commit barrier of what came of earlier flights (see below).
// Flights have a price of their own, so few and full ones are sent: README.md tells when.
// The connection runs with synchronous_commit off. A barrier is one statement that switches it on
// for its own implicit transaction; the write-ahead log is sequential, so that one flush makes all
// that came before it durable.
// No answer may leave before the barrier that follows its outcome is done.
//
// Loop thread only. Operations live with the caller (a fiber's stack) until batch_wait() returns,
// which they always do: the connection has a deadline, after which all fail UNAVAILABLE.
#pragma once

#include "vault/runtime/fiber.h"
#include "vault/runtime/offload.h"
#include "vault/store/session.h"

struct batch;

// A load that is coalesced across fibers. Its SQL takes one array per key, and returns the number
// of the key (1..n, from WITH ORDINALITY) as its first column, ordered by it.
struct batch_load {
    struct store_statement statement;
    size_t key_count;
    enum store_type key_types[4];
};

// What every read segment begins with.
struct batch_snapshot {
    uint64_t flight; // loads with the same number saw the same snapshot
    int64_t epoch;   // of the root namespace: changes with every change of authority
    int64_t now_us;  // the database's clock
};

struct batch_op {
    struct status status;           // once done
    struct store_rows rows;         // once done; the caller releases it: store_rows_done()
    struct batch_snapshot snapshot; // of its read segment; unset for writes
    bool outcome_unknown;           // a write that was sent when the connection was lost
    // Private to the batch.
    struct fiber_event done;
    const struct batch_load *load;
    const struct store_statement *statement;
    const struct store_value *values;
    size_t value_count;
    struct batch_op *next;
    const struct fiber *owner; // who asked
    bool alone;                // failed in company: tried once more in a segment of its fiber's own
};

struct batch_segment;

// The audit layer's side of the barrier.
struct batch_barrier {
    // On an offload thread, blocking, when a connection was made and before anything else uses it.
    struct status (*connected)(void *ctx, struct session *session);
    // How much there is to make durable.
    size_t (*pending)(void *ctx);
    // Adds its statement with batch_segment_add(); returns what `done` gets back, never NULL.
    struct status (*build)(void *ctx, struct batch_segment *segment, void **group);
    void (*done)(void *ctx, void *group, struct status outcome);
    // All that `build` may add; prepared when the connection is made. NULL-terminated.
    const struct store_statement *const *statements;
};

struct batch_options {
    struct loop *loop;
    struct offload *offload;
    const struct store_config *config;
    const struct batch_barrier *barrier;
    void *barrier_ctx;
};

// Starts connecting, and connects again with back-off whenever the connection is lost.
struct status batch_new(const struct batch_options *options, struct batch **out);
// Stops reconnecting and fails what waits; call from a fiber, then batch_free() outside of any.
void batch_close(struct batch *b);
void batch_free(struct batch *b);
bool batch_connected(const struct batch *b);

// Submit, then wait: what was submitted without a wait in between shares one snapshot.
// `keys`, `values` and what they lead to stay untouched until the wait is over.
void batch_load(struct batch *b, const struct batch_load *load, const struct store_value *keys,
                struct batch_op *op);
void batch_query(struct batch *b, const struct store_statement *statement,
                 const struct store_value *values, size_t count, struct batch_op *op);
void batch_write(struct batch *b, const struct store_statement *statement,
                 const struct store_value *values, size_t count, struct batch_op *op);
struct status batch_wait(struct batch_op *op);
void batch_op_done(struct batch_op *op); // releases the rows, for CLEANUP

// There is something for the barrier.
void batch_kick(struct batch *b);
struct status batch_segment_add(struct batch_segment *segment,
                                const struct store_statement *statement,
                                const struct store_value *values, size_t count);

struct batch_stats {
    uint64_t flights;
    uint64_t loads;
    uint64_t writes;
    uint64_t barriers;
    uint64_t retries;
    uint64_t connections;
    uint64_t queued; // reads and writes that wait for a flight just now
};
struct batch_stats batch_stats(const struct batch *b);
