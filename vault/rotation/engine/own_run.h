// SPDX-License-Identifier: ISC
// The engine's part of own.h: takes changes of targets' own credentials through their states. On
// fibers of the engine's worker.
#pragma once

#include "vault/base/uuid.h"
#include "vault/rotation/rotation.h"

struct own_claim {
    struct uuid id;
    int64_t fence;
    int64_t lease_end_us; // monotonic
};

// One that is ready and nobody's, with a new fence and a lease by the database's clock.
// UNAVAILABLE.
struct status own_claim_next(struct rotation *r, struct own_claim *out, bool *out_found);
// Runs it to its end or to the next point where it has to wait. Failures are logged, and recorded
// with it wherever possible.
void own_run(struct rotation *r, const struct own_claim *claim);
