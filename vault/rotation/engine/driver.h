// SPDX-License-Identifier: ISC
// Asking a target's rotator: starts its process when it is first needed and puts calls together
// from stored settings. On one fiber, for one attempt.
#pragma once

#include "vault/host/rotator_process.h"
#include "vault/rotation/rotation.h"
#include "vault/rotation/settings.h"
#include "vault/rotation/target.h"

struct driver {
    struct launcher *launcher;
    struct store *store;
    const struct rotunda_rotator *rotator;
    const struct rotation_stranger *stranger; // NULL: the rotator is linked in
    const struct target *target;
    struct arena *arena;
    struct settings settings;
    struct secret *secret; // the principal's
    struct rotator_process *process;
    int64_t process_until_us; // monotonic: the process's own deadline
    int64_t deadline_us;      // monotonic; the process is killed then
    bool changes_own;         // it is the one that changes the target's own credential
};

// Nothing runs yet. `target` and `arena` outlive it. INVALID when there is no such rotator; SEALED,
// INTEGRITY, UNAVAILABLE (also: one of others that hasn't said yet what it is), NOMEM.
struct status driver_init(struct driver *d, const struct rotation *r, const struct keyring *k,
                          const struct target *target, struct arena *arena);
void driver_done(struct driver *d); // kills what still runs
// Ends the process; the next call starts another one.
void driver_reset(struct driver *d);
bool driver_has(const struct driver *d, enum protocol_op op);

struct driver_call {
    struct uuid attempt;
    int64_t fence;
    struct str account;
    struct settings account_settings;
    const struct secret *value; // NULL: none
    struct bytes salt;
    struct str external_id;
    struct bytes public_part;
    int64_t valid_until_us;
    const struct secret *previous; // K2, K5: what is current; NULL: none
    struct bytes previous_public;
    struct str previous_external_id;
};

// OK means that it answered, whatever it answered; texts are in the arena. A login of the rotator
// that was refused while its own credential is being changed counts as unreachable. Otherwise what
// a change did is unknown if `*asked` was set: it had been sent. Release with
// protocol_reply_done().
struct status driver_ask(struct driver *d, enum protocol_op op, const struct driver_call *call,
                         struct protocol_reply *out, bool *asked);
