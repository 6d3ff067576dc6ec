// SPDX-License-Identifier: ISC
// What the process denies itself and others: core dumps, ptrace, stray signals. Notifying systemd.
#pragma once

#include "vault/base/status.h"

// No core dumps, not dumpable (so that others of the same user can't read its memory), umask 077,
// SIGPIPE ignored, the heap tuned (api/heap.h), as many descriptors as allowed. Before
// anything else.
struct status process_harden(void);

// Blocks the signals that process_wait_signal() waits for; before any thread is started.
void process_block_signals(void);
// SIGTERM, SIGINT or SIGHUP.
int process_wait_signal(int64_t timeout_us); // 0 when none came in time

// sd_notify(3): does nothing outside of systemd. `state` such as "READY=1".
void process_notify(const char *state);
// How often systemd wants to hear of us (WATCHDOG_USEC); CLOCK_NEVER when it doesn't watch.
int64_t process_watchdog_us(void);
