// SPDX-License-Identifier: ISC
// Fibers: a request runs as plain sequential code on its own small stack and switches back to the
// loop where it would block. A fiber always runs to its end, so cleanup attributes work. The stack
// is pooled, has a guard page and is wiped when the fiber ends. fiber.c is the only place that
// switches contexts.
#pragma once

#include "vault/runtime/loop.h"

struct fiber;

// Starts a fiber that begins at the loop's next opportunity, never inside this call.
// LIMIT above LIMIT_FIBERS_PER_WORKER, NOMEM.
struct status fiber_start(struct loop *l, void (*entry)(void *arg), void *arg);

// The one that is running, NULL outside of any.
struct fiber *fiber_current(void);
struct loop *fiber_loop(void); // of the running fiber

// A one-shot event: one fiber waits, anything on the same loop signals. Zero-initialise.
struct fiber_event {
    struct fiber *waiter;
    bool set;
};

// Returns once the event is set (at once if it is). TIMEOUT when `deadline_us` (monotonic) passes
// first: the event may still be set later, so its memory must outlive whoever will set it.
struct status fiber_wait(struct fiber_event *event, int64_t deadline_us);
// Never runs the waiter inside this call.
void fiber_signal(struct fiber_event *event);

void fiber_sleep_until(int64_t deadline_us);
// Lets everything else that is ready run once.
void fiber_yield(void);

size_t fiber_count(const struct loop *l); // started and not yet ended
