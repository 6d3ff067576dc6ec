// SPDX-License-Identifier: ISC
// The main thread's look at the workers. A probe is posted to every worker's loop, which answers it
// in its next round. A worker that leaves its probe unanswered for half of systemd's watchdog
// interval (10 s without a watchdog) hangs: that is logged, and systemd isn't told any more that we
// are well, so that it restarts us. A sealed vault or a lost database holds up no loop.
//
// Tests make a worker hang in builds with ROTUNDA_FAULTS: the loop of worker n stands still while
// the file $ROTUNDA_TEST_HANG.n exists.
#pragma once

#include "api/server_worker.h"

struct server_watch {
    struct server_worker *workers;
    size_t count;
    int64_t tick_us;  // between two looks
    int64_t patience; // how many looks may find a probe unanswered
    int64_t due_us;   // the next look
    bool watched;     // by systemd
};

// The workers run and outlive it. `watchdog_us` as from process_watchdog_us().
void server_watch_init(struct server_watch *w, struct server_worker *workers, size_t count,
                       int64_t watchdog_us);
int64_t server_watch_wait_us(const struct server_watch *w); // until the next look
// Looks when that is due; tells systemd when all is well.
void server_watch_look(struct server_watch *w);
