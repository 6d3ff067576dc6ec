// SPDX-License-Identifier: ISC
// A target's own credential, replaced: what the rotator logs in with. Losing it would lock the
// vault out of everything there, and it authorises its own change, so it has a state machine of its
// own. Rows of rotation_target_change.
//
//     staged ──▶ applying ──▶ promoted
//                    └──▶ abandoned
//
//   1. The new value is durable, sealed, and a copy of it is sealed to the recovery key, before the
//      target is touched. The target's row keeps the old value until the new one has logged in.
//   2. Whoever comes to a change that was being applied asks the target: does the new value work?
//      Then it is promoted. Does the old one, and the new one not? Then the new one is set again,
//      with a larger fence. Nothing else is concluded from anything.
//   3. A change is abandoned only when the target refused it, for certain, to the first that asked:
//      nobody else can be on his way there. And when a person gives the target another password.
//   4. Promotion is one transaction: the target's row gets the value, the change ends.
//   5. A refusal that is certain, again and again, waits for a person: the change is blocked. It
//      stays as it is, and is asked about now and then, for the old value may be put back by hand.
//
// While it is applied, other logins of the rotator may be refused. driver_ask() looks here then.
#pragma once

#include "vault/core/operation.h"
#include "vault/core/reseal.h"
#include "vault/rotation/manage/recovery_key.h"
#include "vault/rotation/target.h"

enum own_state { OWN_STAGED, OWN_APPLYING, OWN_PROMOTED, OWN_ABANDONED, OWN_STATE_COUNT };

struct own {
    struct uuid id;
    int64_t namespace_id;
    struct uuid target;
    enum own_state state;
    struct str principal;
    struct bytes salt;
    struct bytes ciphertext; // empty once it is over
    int64_t key_epoch;       // 0 then
    struct bytes recovery_public;
    struct bytes recovery_wrapped;
    struct bytes recovery_copy;
    int64_t first_fence;
    int64_t created_us;
    int64_t row_version;
    // Outside of the MAC.
    int64_t fence;
    int64_t tries;
    struct str error_class;
    struct str error;
};

// The columns that own_read() expects, of a table aliased o.
#define OWN_COLUMNS                                                                                \
    "o.id, o.namespace_id, o.target_id, o.state, o.principal, o.salt, o.ciphertext, o.key_epoch, " \
    "o.recovery_public, o.recovery_wrapped, o.recovery_copy, o.first_fence, o.created_at, "        \
    "o.row_version, o.mac, o.fence, o.tries, o.error_class, o.error"
enum { OWN_COLUMN_COUNT = 19, OWN_COPIES_MAX = 5 };
#define OWN_BLOCKED_TRIES 5
#define OWN_QUOTED(x) #x
#define OWN_TEXT(x) OWN_QUOTED(x)

// Of a rotation_target_change o: the same as own_is_blocked().
#define OWN_IS_BLOCKED                                                                             \
    "(o.open AND o.tries >= " OWN_TEXT(                                                            \
        OWN_BLOCKED_TRIES) " AND o.error_class IN "                                                \
                           "('not_permitted', 'invalid', 'untrusted', 'policy_rejected', "         \
                           "'fenced'))"
// Tried often enough, and what the target said last won't change by itself.
bool own_is_blocked(enum own_state state, int64_t tries, struct str error_class);

struct str own_state_name(enum own_state state); // static
struct str own_shown_state(const struct own *o); // the same, or "blocked"; static
// INTEGRITY when the row was altered; SEALED.
struct status own_read(const struct keyring *k, const struct store_rows *rows, int row, int column,
                       struct own *out);
struct status own_open(const struct keyring *k, struct uuid mount, const struct own *o,
                       struct secret **out);

// The newest changes of a target, newest first: rows for own_read(), at most OWN_COPIES_MAX.
// Release with store_rows_done().
struct status own_list(struct operation *op, const struct target *t, struct store_rows *out);

// On a fiber, reaching targets: CONFLICT, with which in `*out_message`, when another target has the
// same password because it is the same account of the same system, or may be.
struct status own_refuse_twins(struct operation *op, const struct target *t,
                               struct str *out_message);

// Stages a new value; the engine does the rest. CONFLICT when one is under way, when another target
// or a credential uses the same account there, or the database couldn't keep it (not durable);
// `*out_message`: which, else untouched.
struct status own_begin(struct operation *op, const struct target *t,
                        const struct recovery_key *key, struct uuid *out_id,
                        struct str *out_message);

// In a transaction: another state, other error, other lease for the change as it was read.
// CONFLICT when somebody else has it.
struct own_update {
    enum own_state state;
    int64_t first_fence;
    int64_t lease_us; // 0: let go
    int64_t delay_us; // until it is tried again
    int64_t tries;
    const char *error_class; // NULL: none
    struct str error;
};
struct status own_change(struct session *s, const struct keyring *k, const struct own *o,
                         const struct own_update *update);
// The change that is open for a target ends, because a person has given another value.
struct status own_give_up(struct session *s, const struct keyring *k, struct uuid target);

// The target's secret is a later one than `t` has, or may just be changing there; or its change is
// blocked.
enum own_motion { OWN_RESTS, OWN_MOVES, OWN_WAITS };
struct status own_look(struct store *store, const struct target *t, enum own_motion *out);
// The changes of the mount that don't get on: target, blocked, error class, error, tries, begun at.
// Release with store_rows_done().
struct status own_list_stuck(struct operation *op, struct store_rows *out);

extern const struct reseal_table own_reseal_table;
