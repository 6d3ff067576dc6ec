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
    // Private to loop.c.
    struct loop *loop;
    size_t heap_index;
    bool kicked;
    struct loop_source *next_kicked;
};

// Work handed to the loop from another thread; runs once on the loop's thread. The caller owns
// the memory and keeps it until `run` was called.
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next; // private
};

void loop_free(struct loop *l); // no source may be left
struct status loop_new(struct loop **out);

// The source stays the caller's; fill in the public fields first. UNAVAILABLE, NOMEM.
struct status loop_add(struct loop *l, struct loop_source *source);
// After changing `events` or `deadline_us`.
void loop_update(struct loop_source *source);
void loop_remove(struct loop_source *source); // harmless when it was never added
// Dispatch again (events 0) before the loop next waits; many kicks in one round are one dispatch.
void loop_kick(struct loop_source *source);

// Runs until loop_stop(). Time is read once a round: loop_now_us().
void loop_run(struct loop *l);
int64_t loop_now_us(const struct loop *l);

void loop_post(struct loop *l, struct loop_task *task); // any thread
void loop_stop(struct loop *l);                         // any thread, and async-signal-safe
