// SPDX-License-Identifier: ISC
// Loading one path, coalesced with the loads of other requests, in the snapshot that the caller's
// token is looked up in:
//
//     struct kv_load load CLEANUP(kv_load_done) = {0};
//     TRY(kv_load_submit(op, path, KV_CURRENT, &load));
//     TRY(operation_authenticate(op));
//     TRY(operation_authorise(op, ...));
//     TRY(kv_load_wait(op, &load, &secret));
#pragma once

#include "vault/crypto/index_hash.h"
#include "vault/secrets/kv/kv.h"

// Instead of a version's number.
enum { KV_CURRENT = 0, KV_NO_VERSION = -1 };

struct kv_load {
    struct str path;
    uint8_t path_hash[INDEX_HASH_PATH_BYTES];
    // Private
    struct store_value keys[2];
    struct batch_op op;
    bool submitted;
};

// `path` outlives the load. SEALED.
struct status kv_load_submit(struct operation *op, struct str path, int64_t version,
                             struct kv_load *load);
// `out` is borrowed from the load. That there is no such path or version is no failure.
// INTEGRITY, UNAVAILABLE.
struct status kv_load_wait(struct operation *op, struct kv_load *load, struct kv_secret *out);
// Waits for what is under way and releases it; for CLEANUP.
void kv_load_done(struct kv_load *load);

// Runs `attempt` on the path as loaded, again on a fresh load as long as it says CONFLICT: the race
// against another writer was lost. UNAVAILABLE after LIMIT_WRITE_RETRIES; else what `attempt` says.
typedef struct status kv_attempt(struct operation *op, const struct kv_secret *now, void *arg);
struct status kv_load_retry(struct operation *op, struct kv_load *load, kv_attempt *attempt,
                            void *arg);

// The states of all versions of the path, for showing; beside a load of the head.
struct kv_states {
    struct store_value key;
    struct batch_op op;
    bool submitted;
};
void kv_states_submit(struct operation *op, const struct kv_load *load, struct kv_states *states);
// In order; in the operation's arena.
struct status kv_states_wait(struct operation *op, struct kv_states *states,
                             const struct kv_head *head, struct kv_version **out,
                             size_t *out_count);
void kv_states_done(struct kv_states *states);
