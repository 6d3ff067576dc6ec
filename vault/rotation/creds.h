// SPDX-License-Identifier: ISC
// Serving the value of a credential: one coalesced load in the snapshot of the caller's token.
//
//     struct creds_load load CLEANUP(creds_load_done) = {0};
//     TRY(creds_submit(op, name, false, &load));
//     TRY(operation_enter(op, POLICY_OP_READ));
//     TRY(creds_wait(op, &load, &creds));
#pragma once

#include "vault/rotation/version.h"

struct creds_load {
    struct str name;
    bool previous;
    // Why there was none (UNAVAILABLE): the credential is paused, and since when.
    bool rests;
    int64_t paused_us;
    // Private
    struct store_value keys[3];
    struct batch_op op;
    bool submitted;
};

struct creds {
    struct credential credential;
    struct version version;
    struct str value; // in the operation's arena
    int64_t now_us;   // the database's clock
};

// `name` outlives the load.
void creds_submit(struct operation *op, struct str name, bool previous, struct creds_load *load);
// While the only account is being changed neither value is known to work: waits, bounded.
// NOT_FOUND (no such credential, no previous value that is still valid), INTEGRITY, UNAVAILABLE (no
// value is known to work). `out` is borrowed from the load.
struct status creds_wait(struct operation *op, struct creds_load *load, struct creds *out);
void creds_load_done(struct creds_load *load); // for CLEANUP
// The credential without opening its value, e.g. to compare versions; creds_wait() may follow.
// NOT_FOUND, INTEGRITY, UNAVAILABLE.
struct status creds_look(struct operation *op, struct creds_load *load, struct credential *out);
// Time has passed since the caller was authorised: loads again, and checks in the same snapshot
// that the caller may still read. UNAUTHENTICATED, DENIED, SEALED, UNAVAILABLE; stale.
struct status creds_again(struct operation *op, struct creds_load *load);
