// SPDX-License-Identifier: ISC
// Re-encryption: after a rotation of the data key every stored value moves to the new one, a few at
// a time, beside whatever else goes on; a key epoch that nothing refers to any more is retired and
// its key destroyed.
//
// One fiber per node, one transaction of a session per round, one node at a time (an advisory
// lock). There is no list of what is left to do but the rows themselves, so a killed node leaves
// nothing behind, and values that were written under an older epoch after all are found later.
//
//   1. Rows are read without a lock and written by compare-and-swap on row version and epoch. Every
//      row version that is written anew counts up, so a request that read the row before loses its
//      own race and tries again: no update is lost either way.
//   2. What fails its check is left where it is, logged, and counted; its epoch stays.
//   3. An epoch is retired when nothing has referred to it for RESEAL_RETIRE_AFTER_S, longer than
//   any
//      request that read a value may take to open it. The foreign keys forbid it otherwise.
//   4. Each round that changed something has its effect row and its audit record.
#pragma once

#include "vault/base/limits.h"
#include "vault/core/worker.h"
#include "vault/crypto/envelope.h"

enum {
    RESEAL_RETIRE_AFTER_S = 2 * LIMIT_REQUEST_DEADLINE_S,
    RESEAL_SKIPS_MAX = 256,
};

// One value at rest.
struct reseal_cell {
    struct uuid id;      // of the row, or of what the row belongs to
    int64_t number;      // which one of those; 0 where there is one
    int64_t row_version; // 0 where rows have none
    int64_t key_epoch;
    struct envelope_binding binding;
    struct bytes ciphertext; // borrowed from the rows
};

// A table of sealed values: told by the engine that owns it.
struct reseal_table {
    const char *name;
    // Rows under older epochs: $1 namespace, $2 epoch, $3 ids to leave out, $4 the most rows, $5
    // and octets (the row that crosses this line is the last one).
    struct store_statement select;
    // Those that are still as they were read: $1 ids, $2 numbers, $3 new row versions, $4
    // ciphertexts, $5 MACs, $6 the epoch. One row for each that was written; waits for no lock.
    struct store_statement update;
    // INTEGRITY for a row that was altered.
    struct status (*read)(const struct keyring *k, const struct store_rows *rows, int row,
                          struct reseal_cell *out);
    // The MAC of the same row under the next row version and `key_epoch`.
    struct status (*mac)(const struct keyring *k, const struct store_rows *rows, int row,
                         int64_t key_epoch, uint8_t out[32]);
};

// Rows that failed; they aren't tried again until the node is started anew or rotates.
struct reseal_skips {
    struct store_value ids[RESEAL_SKIPS_MAX];
    size_t count;
};

// One batch of one table, inside a transaction. LIMIT when too many rows have failed.
struct reseal_batch_result {
    int64_t written;
    int64_t failed;
};
struct status reseal_batch(const struct reseal_table *t, const struct keyring *k,
                           int64_t namespace_id, struct session *s, struct reseal_skips *skips,
                           struct reseal_batch_result *out);

struct reseal;

struct reseal_stats {
    int64_t term;    // the epoch that seals new values
    int64_t pending; // 1 while values of older epochs are known
    int64_t written;
    int64_t failed;
    int64_t retired;
};

// On the worker's loop, or before it runs. `tables` end with NULL.
struct status reseal_start(struct worker *w, const struct reseal_table *const *tables,
                           struct reseal **out);
void reseal_stop(struct reseal *r); // on a fiber of the same loop; NULL is fine
void reseal_free(struct reseal *r); // once stopped; NULL is fine
const struct reseal_stats *reseal_stats(const struct reseal *r);
