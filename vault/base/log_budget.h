// SPDX-License-Identifier: ISC
// How many lines one event may have: a burst, then one a second. What is beyond it is counted, and
// the counts come out as sums. Only for log.c, which has one of these behind a lock.
#pragma once

#include "vault/base/bytes.h"

enum {
    LOG_BUDGET_EVENTS = 64, // further events have no budget: all their lines are written
    LOG_BUDGET_BURST = 20,
    LOG_BUDGET_SUM_S = 10,  // between two sums of what goes on
    LOG_BUDGET_QUIET_S = 5, // without a suppressed line: it has ended
};

// One event. Zero while it was never seen.
struct log_budget_slot {
    const char *event; // a literal
    int64_t credit_us;
    int64_t seen_us;
    int64_t unsaid;   // suppressed since the last sum
    int64_t total;    // suppressed since it began; 0 while nothing is suppressed
    int64_t began_us; // the first and the last line that was suppressed
    int64_t last_us;
    int64_t summed_us;
};

struct log_budget { // zero-initialise
    struct log_budget_slot slots[LOG_BUDGET_EVENTS];
    size_t count;
    int64_t suppressed; // over all events, since the start
};

// True: write the line. False: it was counted. `now_us` is monotonic and never goes back.
bool log_budget_take(struct log_budget *b, const char *event, int64_t now_us);

struct log_budget_sum {
    const char *event;
    int64_t lines; // suppressed since the sum before; of an end, since it began
    int64_t began_us;
    int64_t last_us;
    bool ended;
};
// Takes one sum out that is due; false when none is. CLOCK_NEVER for `now_us`: everything has
// ended.
bool log_budget_next_sum(struct log_budget *b, int64_t now_us, struct log_budget_sum *out);
