// SPDX-License-Identifier: ISC
// What init writes, in one transaction: keys, seal, the first audit key, the mounts and policies
// that every vault has, and the root token.
#pragma once

#include "vault/core/sealing.h"

struct initialise_job {
    struct vault *vault;
    const struct seal_ops *ops;
    struct seal_options options;
    struct sealing_init_result *out;
};

struct status initialise_work(struct session *s, void *arg); // store_work on an initialise_job
