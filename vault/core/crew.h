// SPDX-License-Identifier: ISC
// Doing something on every worker at once, e.g. to connect them all after unsealing.
#pragma once

#include "vault/core/worker.h"

// Called on a fiber of any worker: runs `work(worker, arg)` on a fiber of each worker and returns
// when all are done; the first failure, if any. `arg` is shared by the workers' threads.
struct status crew_run(struct vault *v, struct status (*work)(struct worker *w, void *arg),
                       void *arg);

// After the keys are in place: every worker connects, or UNAVAILABLE.
struct status crew_unseal(struct vault *v);
// Sealing: refuses what is new, waits until all workers are quiet, disconnects them, wipes the
// keys. The calling operation must not be counted as under way any more.
void crew_seal(struct vault *v);
