// SPDX-License-Identifier: ISC
// The process's way to the database for work that needs several statements: a bounded pool of
// sessions on offload threads. (The request path's own connection is batch.h.)
#pragma once

#include "vault/store/session.h"

struct store;

void store_free(struct store *st);
// Connects on demand; `sessions_max` connections at most.
struct status store_new(const struct store_config *config, struct offload *pool,
                        size_t sessions_max, struct store **out);
const struct store_config *store_config(const struct store *st);

struct store_stats {
    size_t busy; // sessions that are lent
    size_t idle;
    size_t most;
    uint64_t waits; // times that none was to be had at once
};
struct store_stats store_stats(struct store *st); // any thread

// Work with a session; runs on an offload thread. It must not keep the session.
typedef struct status store_work(struct session *s, void *arg);

// Called on a fiber; `arg` may live on its stack. UNAVAILABLE when no session is to be had in time.
struct status store_run(struct store *st, store_work *work, void *arg);
// One statement and its rows.
struct status store_query(struct store *st, const struct store_statement *statement,
                          const struct store_value *values, size_t count, struct store_rows *out);
// Several statements in one transaction: committed when `work` is OK, rolled back otherwise.
struct status store_transact(struct store *st, store_work *work, void *arg);
// The same for threads that aren't fibers (start-up, tools).
struct status store_transact_blocking(struct store *st, store_work *work, void *arg);
