// SPDX-License-Identifier: ISC
// The process that sends (host.h), as seen by a fiber of the vault; everything on that fiber. It
// has what was handed to it and nothing else, and is killed at its deadline, when it breaks the
// protocol, or when it is let go of.
#pragma once

#include "vault/host/launcher.h"
#include "vault/notify/wire.h"

struct courier;

// UNAVAILABLE, LIMIT (too many processes: try again), UPSTREAM (it doesn't run), TIMEOUT, INVALID
// (the path is too long), NOMEM.
struct status courier_start(struct launcher *l, struct str ca_file, int64_t deadline_us,
                            struct courier **out);
struct notify;
// What it sends is cut off within a moment when that is to stop; borrowed.
void courier_heed(struct courier *c, const struct notify *n);
// OK: it says how it went. TIMEOUT, UPSTREAM, NOMEM, UNAVAILABLE (cut off): it may have been sent
// or not.
struct status courier_send(struct courier *c, const struct wire_job *job, struct arena *arena,
                           struct wire_result *out);
void courier_free(struct courier *c); // NULL is fine
void courier_cleanup(struct courier **c);
