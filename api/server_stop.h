// SPDX-License-Identifier: ISC
// Ending in time. Workers end together, so that none waits for one that has gone; and what waits
// for a database that doesn't answer can't be ended, so the process does without: to what is stored
// it is as if it had been killed, which everything that is stored allows for.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "vault/core/vault.h"

struct server_stop {
    const struct vault *vault;
    int64_t deadline_us; // of requests under way
    int exit_code;       // also when it is cut off
    // Private to server_stop.c, but for the workers' counting.
    int64_t began_us;
    atomic_size_t serving; // workers that still have requests
    atomic_size_t busy;    // workers that requests or the background may still need
    atomic_bool over;
    pthread_t guard;
    bool guarded;
};

// `workers` have been started and are about to be told to stop. Fill in the public fields first.
void server_stop_begin(struct server_stop *stop, size_t workers);
// When everything is released.
void server_stop_end(struct server_stop *stop);
