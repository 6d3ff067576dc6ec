// SPDX-License-Identifier: ISC
// What a node does by itself, beside answering requests: removing expired tokens and the like. All
// of it runs as fibers on worker 0, whether the vault is sealed or not: each part waits until it is
// unsealed, or sees to that.
#pragma once

#include "vault/core/worker.h"
#include "vault/rotation/rotation.h"

struct background;

struct background_options {
    bool unseals_itself;       // and is not unsealed yet
    struct launcher *launcher; // borrowed
    struct rotation_options rotation;
};

// On the worker's loop, or before it runs.
struct status background_start(struct worker *w, const struct background_options *options,
                               struct background **out);
// On a fiber of the same loop, before the worker is sealed for good. NULL is fine.
void background_stop(struct background *b);
// When all workers have ended. NULL is fine.
void background_free(struct background *b);
