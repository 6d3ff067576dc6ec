// SPDX-License-Identifier: ISC
// The engine: a scheduler fiber on one worker of each node plans what is due, claims attempts that
// are ready (its own, and those of nodes whose lease has passed) and runs each on a fiber of its
// own. It survives sealing and the loss of the database: it then waits.
#pragma once

#include "rotunda/rotator.h"
#include "vault/core/worker.h"
#include "vault/host/launcher.h"
#include "vault/rotation/strangers.h"

struct rotation;

enum {
    ROTATION_MIN_INTERVAL_S = 60,
    ROTATION_LEASE_US = 30 * CLOCK_SECOND, // longer than TARGET_TIMEOUT_S, which is the most
    ROTATION_RUNNING = 64,                 // attempts at work on this node
};

struct rotation_options {
    int64_t min_interval_s;           // 0: ROTATION_MIN_INTERVAL_S
    int64_t running_max;              // 0: ROTATION_RUNNING; at most LAUNCHER_HOSTS_MAX
    bool allow_asynchronous_replicas; // rotate although a fail-over may lose what was committed
    const struct rotunda_rotator *const *rotators; // linked in; ends with NULL
    const struct rotation_stranger *strangers;     // of others; copied
    size_t stranger_count;
};

// On the worker's loop, or before it runs. The launcher is borrowed. NOMEM, LIMIT.
struct status rotation_start(struct worker *w, struct launcher *l,
                             const struct rotation_options *options, struct rotation **out);
// On a fiber of the same loop, before worker_seal(): lets steps that are under way end, lets go of
// its attempts, and returns when nothing runs any more. NULL is fine.
void rotation_stop(struct rotation *r);
// When all workers have ended. NULL is fine.
void rotation_free(struct rotation *r);

// The engine of this process; NULL before rotation_start(). Any worker.
struct rotation *rotation_running(void);
// Look for work now. Any worker.
void rotation_kick(struct rotation *r);
// The rotator of this name, linked in or of others; NULL: none, or rotation_awaits() it.
const struct rotunda_rotator *rotation_rotator(const struct rotation *r, struct str name);
// It is configured, but has not yet said what it is.
bool rotation_awaits(const struct rotation *r, struct str name);
// How a rotator of others is started; NULL: it is linked in.
const struct rotation_stranger *rotation_stranger(const struct rotation *r, struct str name);
int64_t rotation_min_interval_s(const struct rotation *r);
struct launcher *rotation_launcher(const struct rotation *r);
struct store *rotation_store(const struct rotation *r);
bool rotation_allows_asynchronous(const struct rotation *r);
