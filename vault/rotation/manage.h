// SPDX-License-Identifier: ISC
// What people do with credentials: put them in care, take them out, ask for a rotation, settle one
// that is blocked. On a fiber, for an authorised operation; each change is one transaction with its
// effect row.
#pragma once

#include "vault/rotation/attempt.h"
#include "vault/rotation/rotation.h"

// Does the target accept this value for the credential's first account? Changes nothing there.
// INVALID when it doesn't, UPSTREAM when it can't be told; `*out_message` says more, for the owner.
struct status manage_probe(struct operation *op, const struct target *t, const struct credential *c,
                           struct str value, struct str *out_message);
// The same about the value that is current now. CONFLICT when the target refuses it, UPSTREAM when
// it can't be told.
struct status manage_probe_current(struct operation *op, const struct credential *c,
                                   struct str *out_message);

// A new credential. `value` is what its first account has now, checked before (manage_probe);
// empty: the first rotation sets one. CONFLICT when its name is taken, or an account is in the care
// of another credential.
struct status manage_create(struct operation *op, const struct credential *c, struct str value);

// The settings of `wanted` instead of those of `seen`; what rotations do meanwhile is kept.
// CONFLICT when somebody else changed the settings since.
struct status manage_update(struct operation *op, const struct credential *seen,
                            const struct credential *wanted);

// Has the target to be told another end of the credential? Where it refuses the credential from
// that end on (setting valid_until=expiry), another end, or the wish itself, takes a rotation to
// get there. INTEGRITY, NOMEM.
struct status manage_end_moves(const struct credential *before, const struct credential *after,
                               struct arena *arena, bool *out);

// CONFLICT while a rotation may be changing the target.
struct status manage_remove(struct operation *op, const struct credential *c);

// Plans a rotation now. CONFLICT when there is one already.
struct status manage_rotate(struct operation *op, const struct credential *c,
                            struct uuid *out_attempt);

// How an attempt stands; waits until it is settled, blocked or failing, at most until `until_us`.
struct manage_progress {
    struct store_rows rows; // store_rows_done()
    struct str state;
    int64_t version;
    struct str error_class; // empty: none
    struct str error;
};
struct status manage_wait(struct operation *op, struct uuid attempt, int64_t until_us,
                          struct manage_progress *out);

enum manage_action {
    MANAGE_RETRY,   // ask the target again, or try the step again
    MANAGE_APPLY,   // set the new value, whatever value or fence the target has now
    MANAGE_ABANDON, // give the rotation up: what is current stays, and must be known to work
};
// For an attempt that is blocked. CONFLICT when it isn't, or gives up what may be the only value
// that works; INVALID when the action makes no sense. UPSTREAM when the target has to be asked
// first and doesn't answer; `*out_message`: what it said, else untouched.
struct status manage_settle(struct operation *op, const struct credential_found *found,
                            enum manage_action action, struct str *out_message);

// One column of names in order; the history, oldest first (time, attempt, state, version, fence,
// node, error class, detail). Release with store_rows_done().
struct status manage_list(struct operation *op, struct store_rows *out);
struct status manage_history(struct operation *op, const struct credential *c,
                             struct store_rows *out);
// Who has read the previous value: accessor, actor, remote, reads, time of the last; newest first.
struct status manage_readers(struct operation *op, const struct credential *c,
                             struct store_rows *out);

// Owners: owner, credentials, due, overdue, failing, blocked. Then what needs a look: name, owner,
// state, error class, error, tries, next rotation, one row each.
struct status manage_status(struct operation *op, struct store_rows *owners,
                            struct store_rows *attention);
enum { MANAGE_ATTENTION_MAX = 100, MANAGE_HISTORY_MAX = 500, MANAGE_READERS_MAX = 20 };
