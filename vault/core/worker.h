// SPDX-License-Identifier: ISC
// One worker: a thread with its loop, its batch connection (while unsealed) and its audit chain.
// Everything here runs on the worker's own loop.
#pragma once

#include "vault/audit/log.h"
#include "vault/core/catalog.h"
#include "vault/core/vault.h"
#include "vault/runtime/fiber.h"
#include "vault/store/batch.h"

struct catalog_waiter;

struct worker {
    struct vault *vault;
    int64_t number;
    struct loop *loop;
    struct audit_log *audit;
    struct batch *batch;     // NULL while sealed
    struct catalog *catalog; // newest one known here, or NULL
    bool catalog_loading;
    struct catalog_waiter *catalog_waiters;
    size_t operations;         // authorised requests under way: sealing waits for none
    atomic_bool database_away; // as of the last worker_look(); any thread may ask
};

struct status worker_init(struct worker *w, struct vault *v, int64_t number, struct loop *loop);
void worker_done(struct worker *w);

// On a fiber. Connects to the database; returns when connected or after `deadline_us`.
struct status worker_unseal(struct worker *w, int64_t deadline_us);
// On a fiber. Refuses new operations, waits until none is under way, disconnects.
void worker_seal(struct worker *w);

// On its loop, from time to time: notes for others whether it has its connection.
void worker_look(struct worker *w);

// On a fiber: the catalog of `epoch` or later, with a reference of the caller's. Concurrent callers
// share one load. SEALED, UNAVAILABLE, INTEGRITY.
struct status worker_catalog(struct worker *w, int64_t epoch, struct catalog **out);
