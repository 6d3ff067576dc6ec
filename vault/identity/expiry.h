// SPDX-License-Identifier: ISC
// Removes tokens whose time has come: one statement a second while the vault is unsealed, on one
// worker of each node. (Nobody can use an expired token before it is removed: every look-up
// compares the time. This is what ends its children and empties its cubbyhole.) Each round that
// removed something leaves one audit record: actor "system", operation "expire", path
// "auth/token/expire".
#pragma once

#include "vault/core/worker.h"

struct expiry;

// On the worker's loop. NOMEM, LIMIT.
struct status expiry_start(struct worker *w, struct expiry **out);
// On a fiber of the same loop: returns when the last round is over, releases it. NULL is fine.
void expiry_stop(struct expiry *e);
