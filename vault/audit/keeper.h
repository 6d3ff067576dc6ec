// SPDX-License-Identifier: ISC
// What the audit log needs done from time to time, by one fiber per node, on worker 0: takes over
// and succeeds signing keys, adopts what dead nodes left, makes checkpoints, prepares and drops
// days, starts and stops sinks, measures how much room is taken. Any number of nodes may do so at
// once. None of it stops the vault when it fails: failures are logged, counted, and tried again.
#pragma once

#include "vault/audit/log.h"
#include "vault/audit/room.h"
#include "vault/audit/sink.h"
#include "vault/store/store.h"

struct audit_keeper;

struct audit_keeper_options {
    struct store *store;
    const struct keyring *keyring;
    struct audit_signer *signer;
    struct audit_sinks *sinks; // NULL for none
    int64_t checkpoint_interval_s;
    int64_t retention_s;        // 0: for ever
    struct str checkpoint_file; // NUL-terminated; empty: none
    struct audit_room_bounds room;
};

void audit_keeper_free(struct audit_keeper *k);
struct status audit_keeper_new(const struct audit_keeper_options *options,
                               struct audit_keeper **out);
// After unsealing, on the loop of the log's worker. Nothing when it is running already.
struct status audit_keeper_start(struct audit_keeper *k, struct loop *loop, struct audit_log *log);
// On a fiber, while the log still works: makes a last checkpoint and ends the fiber.
void audit_keeper_stop(struct audit_keeper *k);

// For health and metrics; any thread.
struct audit_keeper_state {
    int64_t altered; // chains or checkpoints found altered since the start
    int64_t adopted_effects;
    int64_t last_checkpoint;  // number
    int64_t checkpoint_at_us; // monotonic; 0 while not known
    bool checkpoint_late;     // none was made for three times the interval
    int64_t failures;         // rounds in which something couldn't be done
    bool checkpoint_file_failing;
    struct audit_room room; // all 0 before it was measured
    enum audit_room_state room_state;
};
struct audit_keeper_state audit_keeper_state(struct audit_keeper *k);
