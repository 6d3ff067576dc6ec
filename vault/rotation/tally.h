// SPDX-License-Identifier: ISC
// Figures of rotation: what this node did since its start, and how the credentials of all mounts
// stand.
#pragma once

#include "vault/rotation/attempt.h"
#include "vault/store/session.h"

// Of a rotation_credential c, whose schedule doesn't rest: it is due; and for more than a minute,
// or than its interval where that is shorter.
#define TALLY_IS_DUE "(NOT c.paused AND c.next_rotation_at <= clock_timestamp())"
#define TALLY_IS_OVERDUE                                                                           \
    "(NOT c.paused AND c.next_rotation_at + "                                                      \
    "least(nullif(c.interval_s, 0), 60) * interval '1 second' < clock_timestamp())"

// A committed step; `failed`: it says why the attempt didn't get on. Any thread.
void tally_step(enum attempt_state state, bool failed);

struct tally_done {
    int64_t entered[ATTEMPT_STATE_COUNT]; // states that attempts came to
    int64_t failed;                       // steps that failed and are tried again or wait for help
};
struct tally_done tally_done(void); // any thread

struct tally {
    int64_t credentials;
    int64_t paused;
    int64_t due;                       // TALLY_IS_DUE
    int64_t overdue;                   // TALLY_IS_OVERDUE
    int64_t failing;                   // tried in vain, and going to be tried again
    int64_t open[ATTEMPT_STATE_COUNT]; // attempts under way
    int64_t own_blocked;               // targets whose own password waits for a person
};
struct status tally_read(struct session *s, struct tally *out); // blocking
