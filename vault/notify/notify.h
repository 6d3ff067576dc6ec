// SPDX-License-Identifier: ISC
// Sends notices to who wants them, and reminds: a fiber on one worker of each node turns new
// notices into deliveries, claims what is ready and has each notifier served by a fiber and a
// process of its own. Nodes share the work through the database. It waits while the vault is sealed
// or the database away.
#pragma once

#include "vault/core/worker.h"
#include "vault/host/launcher.h"
#include "vault/notify/notifier.h"
#include "vault/notify/wire.h"

struct notify;

// On the worker's loop, or before it runs. The launcher is borrowed. NOMEM, LIMIT.
struct status notify_start(struct worker *w, struct launcher *l, struct notify **out);
// On a fiber of the same loop, before worker_seal(); returns when nothing runs any more. NULL is
// fine.
void notify_stop(struct notify *n);
void notify_free(struct notify *n); // when all workers have ended; NULL is fine

// Sends a test now, on a fiber of any worker; to `recipient` when the notifier is of mail and has
// none of its own. OK: `out` says how it went. INVALID, UPSTREAM, TIMEOUT, UNAVAILABLE.
struct status notify_test(struct operation *op, const struct notifier *n, struct str recipient,
                          struct wire_result *out);
