// SPDX-License-Identifier: ISC
// Threads for what is heavy (key derivation) or blocks (multi-statement database work, files).
// A fiber hands over a function and sleeps until it has run.
#pragma once

#include "vault/runtime/fiber.h"

struct offload;

// Waits for what is running and queued. No fiber may be waiting; before loop_free().
void offload_free(struct offload *pool);
// NOMEM, UNAVAILABLE. `queue_max` waiting jobs at most.
struct status offload_new(size_t threads, size_t queue_max, struct offload **out);

struct offload_stats {
    size_t queued; // jobs that wait for a thread
    size_t busy;   // threads at work
    size_t threads;
};
struct offload_stats offload_stats(struct offload *pool); // any thread

// Called on a fiber: runs `work(arg)` on one of the pool's threads and returns its status.
// UNAVAILABLE when the queue is full. There is no way to abandon it: `arg` may live on the fiber's
// stack. `work` has 1 MiB of stack, wiped afterwards, and no fiber: it must not wait for an event.
struct status offload_run(struct offload *pool, struct status (*work)(void *arg), void *arg);
