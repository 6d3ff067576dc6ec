// SPDX-License-Identifier: ISC
#pragma once

#include "vault/host/host.h"
#include "vault/host/protocol.h"

// Finds or loads it and checks what it says of itself. INVALID with what is wrong.
struct status host_find(const char *name, const struct rotunda_rotator *const *builtin,
                        const struct rotunda_rotator **out);

// Runs one request and fills in the reply, whose texts live in `arena`. Release it with
// protocol_reply_done(). NOMEM.
struct status host_run(const struct rotunda_rotator *rotator,
                       const struct protocol_request *request, struct arena *arena,
                       struct protocol_reply *out);
