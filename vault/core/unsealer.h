// SPDX-License-Identifier: ISC
// Unsealing without people, by an automatic seal. Where the vault isn't initialised yet, which
// another node may do, or the database is away, that takes until later; a wrong key is tried only
// once, and is no reason to end.
#pragma once

#include "vault/core/worker.h"

// One attempt; blocks: before the workers run, or on an offload thread. True when another one may
// help later.
bool unsealer_try(struct vault *v);

struct unsealer;

// Goes on trying on fibers of `w`, never on its thread, and connects all workers at the end. On the
// worker's loop, or before it runs. NOMEM, LIMIT.
struct status unsealer_start(struct worker *w, struct unsealer **out);
// On a fiber of the same loop, before any worker ends; waits for an attempt under way. NULL is
// fine.
void unsealer_stop(struct unsealer *u);
