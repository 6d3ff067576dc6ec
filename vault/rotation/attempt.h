// SPDX-License-Identifier: ISC
// An attempt: one change of one account at the target, from the plan to the end of the value before
// it. Rows of rotation_attempt.
//
//     PLANNED ─▶ STAGED ─▶ APPLYING ─▶ APPLIED ─▶ VERIFIED ─▶ PROMOTED ─▶ DRAINING ─▶ RETIRED
//                   ▲          │          │
//                   └──── RECONCILE ◀─────┘          beside: BLOCKED, ROLLED_BACK
//
// RETIRED and ROLLED_BACK end it. Invariants
//   1. A credential has at most one open attempt, an account at most one, both by unique index.
//   2. Who has it holds a fence that no one else was ever given. Every change of the row names
//      attempt, fence and state; whoever comes late changes nothing.
//   3. STAGED is durable, with value and salt, before APPLYING; APPLYING is durable before the
//      target is touched.
//   4. After APPLYING only the target's own answer decides which way it goes on.
#pragma once

#include "vault/rotation/version.h"

#define ATTEMPT_STATE_TABLE(X)                                                                     \
    X(PLANNED, "planned")                                                                          \
    X(STAGED, "staged")                                                                            \
    X(APPLYING, "applying")                                                                        \
    X(APPLIED, "applied")                                                                          \
    X(VERIFIED, "verified")                                                                        \
    X(PROMOTED, "promoted")                                                                        \
    X(DRAINING, "draining")                                                                        \
    X(RETIRED, "retired")                                                                          \
    X(RECONCILE, "reconcile")                                                                      \
    X(BLOCKED, "blocked")                                                                          \
    X(ROLLED_BACK, "rolled_back")

enum attempt_state {
#define X(name, text) ATTEMPT_##name,
    ATTEMPT_STATE_TABLE(X)
#undef X
        ATTEMPT_STATE_COUNT
};

struct str attempt_state_name(enum attempt_state state);
struct status attempt_state_parse(struct str text, enum attempt_state *out); // INTEGRITY
// May an attempt go from one state to the other? (The table of docs/rotation.md.)
bool attempt_may_move(enum attempt_state from, enum attempt_state to);
bool attempt_is_open(enum attempt_state state);
// The new value is served, or the attempt is over.
bool attempt_is_settled(enum attempt_state state);

struct attempt {
    struct uuid id;
    int64_t namespace_id;
    struct uuid credential;
    struct uuid target;
    struct str account;
    struct str cause; // "schedule", "manual" or "rollback"
    enum attempt_state state;
    int64_t version; // 0 until it is staged
    bool hold;       // readers wait
    int64_t values_tried;
    struct str
        baseline; // K4: JSON list of the ids that existed right before the create; empty: none
    int64_t quarantine_until_us; // a call that got lost may land until then; 0: none did
    int64_t applied_us;          // when the target confirmed, or may have taken, the value
    int64_t created_us;
    int64_t row_version; // 0: not stored yet
    // Outside of the MAC
    int64_t fence;
    int64_t tries;
};

// The columns that attempt_read() expects, of a table aliased a.
#define ATTEMPT_COLUMNS                                                                            \
    "a.id, a.namespace_id, a.credential_id, a.target_id, a.account, a.cause, a.state, a.version, " \
    "a.hold, a.values_tried, a.created_at, a.row_version, a.mac, a.fence, a.tries, a.baseline, "   \
    "a.quarantine_until, a.applied_at"
enum { ATTEMPT_COLUMN_COUNT = 18 };

// INTEGRITY when the row was altered; SEALED.
struct status attempt_read(const struct keyring *k, const struct store_rows *rows, int row,
                           int column, struct attempt *out);
// A new one of this credential, for the account whose turn it is.
struct attempt attempt_new(const struct credential *c, struct str account, struct str cause,
                           int64_t now_us);
// In a session's transaction, with its event. CONFLICT when there is an open one.
struct status attempt_insert(struct session *s, const struct keyring *k, struct str node,
                             const struct attempt *given);

// A change of the row: of its state, or only of when it goes on.
struct attempt_change {
    struct attempt next; // row_version as read; state may be the same
    struct str node;
    int64_t lease_us;        // kept for so much longer; 0: let go of
    int64_t delay_us;        // when it was let go of: not before
    int64_t not_before_us;   // the same as a time; 0: none
    const char *error_class; // NULL: the step went well
    struct str detail;       // for owner and history; no secret
};
// In a session's transaction, with its event. CONFLICT when someone else has it or has been there:
// `before` says what was read.
struct status attempt_update(struct session *s, const struct keyring *k,
                             const struct attempt *before, const struct attempt_change *change);

// Something else of a credential's history: an event without an attempt.
struct status attempt_note(struct session *s, const struct credential *c, struct str node,
                           struct str what, struct str detail);
