// SPDX-License-Identifier: ISC
// One event loop per worker thread (epoll). It knows neither HTTP nor PostgreSQL: whoever owns a
// descriptor embeds a `struct loop_source`. Everything here is called on the loop's own thread,
// except loop_post() and loop_stop().
#pragma once

#include "vault/base/clock.h"
#include "vault/base/macros.h"
#include "vault/base/status.h"

struct loop;
struct loop_source;

// `events` are the EPOLL* bits that came, 0 when only the deadline passed or after loop_kick().
typedef void loop_dispatch(struct loop_source *source, uint32_t events);

struct loop_source {
    int fd;                  // -1 for a pure timer
    uint32_t events;         // EPOLL* bits of interest (level-triggered)
    int64_t deadline_us;     // monotonic; CLOCK_NEVER for none. One shot: dispatch clears it first
    loop_dispatch *dispatch; // may add, change or remove any source, itself too
    // Private to loop.c; zero-initialise.
    struct loop *loop;
    size_t heap_index;                // 1-based; 0 while no deadline is set
    uint32_t registered_events;       // what epoll was told last
    struct loop_source *next_kicked;  // in the order of the kicks
    struct loop_source **kicked_slot; // what points at this one; NULL while it isn't kicked
};

// Work handed to the loop from another thread; runs once on the loop's thread, in the order of the
// posts of each thread. The caller owns the memory and keeps it until `run` was called.
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next; // private
};

void loop_free(struct loop *l); // no source and no fiber may be left; NULL is fine
struct status loop_new(struct loop **out);

// The source stays the caller's; fill in the public fields first. UNAVAILABLE, NOMEM.
struct status loop_add(struct loop *l, struct loop_source *source);
// After changing `events` or `deadline_us`.
void loop_update(struct loop_source *source);
// Before its descriptor is closed: a number that was used again would be forgotten instead.
// Never dispatched afterwards, even when its events have come. Harmless when it was never added.
void loop_remove(struct loop_source *source);
// Dispatch again (events 0) before the loop next waits; many kicks in one round are one dispatch.
void loop_kick(struct loop_source *source);

// Runs until loop_stop(); returns at once when that came before. Time is read once a round:
// loop_now_us(). Deadlines are met to a fraction of a millisecond (to the millisecond before Linux
// 5.11), never early.
void loop_run(struct loop *l);
int64_t loop_now_us(const struct loop *l);

void loop_post(struct loop *l, struct loop_task *task); // any thread
void loop_stop(struct loop *l);                         // any thread, and async-signal-safe
