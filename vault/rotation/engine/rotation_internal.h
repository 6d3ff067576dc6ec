// SPDX-License-Identifier: ISC
// The engine's own state, shared by rotation.c, schedule.c and run.c.
#pragma once

#include "vault/rotation/engine/run.h"
#include "vault/rotation/rotation.h"

// Where a round goes on in the order of due rows; zero: from the first.
struct schedule_place {
    int64_t at_us;
    struct uuid id;
};

struct rotation {
    struct worker *worker;
    struct launcher *launcher;
    struct rotation_options options;
    struct strangers *strangers;
    int64_t learn_us; // when those that are not known are asked next
    int64_t lease_us;
    bool stopping;
    size_t running;
    int64_t own_round_us; // when changes of targets' own credentials are looked for next
    bool was_kicked;
    struct schedule_place beyond; // how far due rows were looked at that can't be planned
    struct fiber_event wake;      // there may be work
    struct fiber_event ended;     // the scheduler and all runs are over
    struct loop_task kick;        // from other threads
    _Atomic bool kicked;
};

// Steps that are under way end, no other one begins.
bool rotation_should_stop(const struct rotation *r);

// Plans what is due and claims at most `most` attempts, all in one transaction; then records what
// was planned. On a fiber of the worker's loop. UNAVAILABLE.
struct status schedule_round(struct rotation *r, size_t most, struct run_claim *out,
                             size_t *out_count);
// How long nothing will be due or ready, by the database; not above 0: what is waits for something
// else.
// UNAVAILABLE.
struct status schedule_quiet_us(struct rotation *r, int64_t *out);
enum { SCHEDULE_ROUND_MAX = 32 };
