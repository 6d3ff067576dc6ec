// SPDX-License-Identifier: ISC
// What people do with credentials: put them in care, take them out, ask for a rotation, settle one
// that is blocked. On a fiber, for an authorised operation; each change is one transaction with its
// effect row.
#pragma once

#include "vault/host/protocol.h"
#include "vault/rotation/attempt.h"
#include "vault/rotation/rotation.h"
#include "vault/rotation/when/due.h"

// A value that a person brings along.
struct manage_value {
    struct str text;        // empty: none
    struct str external_id; // the issuer's id (K4 to K6); empty: none
};

// Does the target accept this value for one of the credential's accounts? Changes nothing there.
// INVALID when it doesn't, UPSTREAM when it can't be told; `*out_message` says more, for the owner.
struct manage_question {
    const struct target *target;
    const struct credential *credential;
    struct str account;
    struct manage_value value;
};
struct status manage_probe(struct operation *op, const struct manage_question *q,
                           struct str *out_message);
// The same about the value that is current now. CONFLICT when the target refuses it, UPSTREAM when
// it can't be told.
struct status manage_probe_current(struct operation *op, const struct credential *c,
                                   struct str *out_message);

// A new credential. `value` is what its first account has now, checked before (manage_probe);
// empty: the first rotation sets one. CONFLICT when its name is taken, or an account is in the care
// of another credential.
struct status manage_create(struct operation *op, const struct credential *c,
                            struct manage_value value);
// The same with another first rotation; `*out_attempt` is set for MANAGE_FIRST_NOW only.
enum manage_first {
    MANAGE_FIRST_DUE,   // at once unless there is a value, but inside of the windows
    MANAGE_FIRST_LATER, // at the schedule's first date
    MANAGE_FIRST_NOW,   // at once, whatever windows say
};
struct status manage_create_first(struct operation *op, const struct credential *c,
                                  struct manage_value value, enum manage_first first,
                                  struct uuid *out_attempt);

// The settings of `wanted` instead of those of `seen`; what rotations do meanwhile is kept.
// CONFLICT when somebody else changed the settings since.
struct status manage_update(struct operation *op, const struct credential *seen,
                            const struct credential *wanted);

// Does its schedule make sense? Puts the zone's own spelling into `c`. INVALID with the field that
// is wrong: an unknown zone, a cron or windows that never come.
struct manage_schedule {
    int64_t shortest_s; // between two dates
    const char *field;
};
struct status manage_check_schedule(struct operation *op, struct credential *c,
                                    struct manage_schedule *out);
// The next `count` dates, beginning with the one that is stored; `*out_count` when there are no
// more.
enum { MANAGE_DATES_MAX = 100 };
struct status manage_dates(struct operation *op, const struct credential *c, size_t count,
                           struct timetable_due *out, size_t *out_count);
// May it be rotated now, by its windows and blackouts?
struct status manage_look(struct operation *op, const struct credential_found *found,
                          enum timetable_why *out);
// Has the target to be told another end of the credential? Where it refuses the credential from
// that end on (setting valid_until=expiry), another end, or the wish itself, takes a rotation to
// get there. INTEGRITY, NOMEM.
struct status manage_end_moves(const struct credential *before, const struct credential *after,
                               struct arena *arena, bool *out);

// Takes it out of care; the target isn't touched. `*out_left` names, in the arena, what other
// values of it than the current one the target accepts, or may accept, and that nobody here is
// going to end any more; empty: none. CONFLICT while a node is changing the target, and without
// `force` also where something would be left.
struct status manage_remove(struct operation *op, const struct credential *c, bool force,
                            struct str *out_left);

// What the next rotation would do, by the target's rotator: its steps are in `reply`, values
// elided. With those who read the value in the last days, by the audit log: accessor, actor,
// remote, reads, time of the last; newest first. UPSTREAM, UNSUPPORTED, UNAVAILABLE.
enum { MANAGE_CONSUMER_DAYS = 90, MANAGE_CONSUMERS_MAX = 100 };
struct manage_plan {
    struct str account; // whose turn it is
    struct str current_account;
    struct protocol_reply reply;
    struct store_rows turn;
    struct store_rows consumers;
};
void manage_plan_done(struct manage_plan *p); // for CLEANUP
struct status manage_plan(struct operation *op, const struct credential *c,
                          struct manage_plan *out);

// The schedule rests, or goes on. What is under way isn't stopped. Tells what is served meanwhile.
struct manage_paused {
    int64_t version;        // 0: none
    int64_t valid_until_us; // as its issuer said; 0: nobody did
};
struct status manage_pause(struct operation *op, const struct credential *c, bool paused,
                           struct manage_paused *out);

// The value that the account has by now, which was checked before (manage_probe), becomes current.
// CONFLICT while a rotation is under way, or when the credential changed since it was read; one
// that is blocked ends. `left`, in the arena, names what else the target accepts, or may accept,
// and what ends that; empty: nothing.
struct manage_imported {
    int64_t version;
    struct str left;
};
struct status manage_import(struct operation *op, const struct credential *c,
                            struct manage_value value, struct manage_imported *out);
// The account that an import is about: the one that is served, else the first. In the arena.
struct status manage_served_account(struct operation *op, const struct credential *c,
                                    struct str *out);

// Plans an attempt that makes the previous value current again. CONFLICT when there is none that
// can be had, or its kind can't have it back, or a rotation is under way.
struct status manage_rollback(struct operation *op, const struct credential *c,
                              struct uuid *out_attempt);

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
    MANAGE_RETRY,  // ask the target again, or try the step again
    MANAGE_APPLY,  // set the new value, whatever value or fence the target has now
    MANAGE_IMPORT, // the new value is one that was made by hand (K4 to K6): ask the target about it
    MANAGE_ABANDON, // give the rotation up: what is current stays, and must be known to work
};
// For an attempt that is blocked. CONFLICT when it isn't, or gives up what may be the only value
// that works; INVALID when the action makes no sense. UPSTREAM when the target has to be asked
// first and doesn't answer; `*out_message`: what it said, else untouched.
// `value` is what MANAGE_IMPORT brings, else empty.
struct status manage_settle(struct operation *op, const struct credential_found *found,
                            enum manage_action action, struct manage_value value,
                            struct str *out_message);

// One column of names in order; the history, oldest first (time, attempt, state, version, fence,
// node, error class, detail). Release with store_rows_done().
struct status manage_list(struct operation *op, struct store_rows *out);
struct status manage_history(struct operation *op, const struct credential *c,
                             struct store_rows *out);
// Who has read the previous value: accessor, actor, remote, reads, time of the last; newest first.
struct status manage_readers(struct operation *op, const struct credential *c,
                             struct store_rows *out);
// The same of those whom its retirement waits for (readers.h); none unless `retire` is use.
struct status manage_holders(struct operation *op, const struct credential *c,
                             struct store_rows *out);
// The retirements of the mount that wait because a value is in use, by name. The same columns,
// empty where it isn't a reader; then name, owner, version, until when, why.
struct status manage_retirements(struct operation *op, struct store_rows *out);

// Owners: owner, credentials, due, overdue, failing, blocked. Then what needs a look: name, owner,
// state, error class, error, tries, next rotation, one row each.
struct status manage_status(struct operation *op, struct store_rows *owners,
                            struct store_rows *attention);
enum { MANAGE_ATTENTION_MAX = 100, MANAGE_HISTORY_MAX = 500, MANAGE_READERS_MAX = 20 };
