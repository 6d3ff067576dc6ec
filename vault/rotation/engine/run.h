// SPDX-License-Identifier: ISC
// One claimed attempt on its way: what was loaded, what is open, and the loop that takes it from
// state to state until it ends, has to wait, or turns out to be someone else's. On a fiber.
#pragma once

#include "vault/rotation/attempt.h"
#include "vault/rotation/engine/driver.h"

enum { VALUES_TRIED_MAX = 5 }; // in one attempt, that the target may refuse

enum run_value_kind { RUN_PENDING, RUN_CURRENT, RUN_PREVIOUS, RUN_VALUE_COUNT };

struct run_value {
    bool exists;
    struct version version;
    struct secret *secret; // opened when first needed; locked memory
};

struct run {
    struct rotation *engine;
    struct worker *worker;
    struct arena *arena;
    struct store_rows rows; // what the structures below are borrowed from
    struct store_rows value_rows;
    struct uuid id;
    int64_t fence;
    struct attempt attempt;
    struct credential credential;
    struct target target;
    struct str mount_path;
    int64_t loaded_us;      // the database's clock
    int64_t loaded_mono_us; // and ours at the same moment
    bool durable;           // what was committed survives the loss of the database's primary
    struct run_value values[RUN_VALUE_COUNT];
    struct driver driver;
    int64_t lease_end_us;  // monotonic: what we hold for certain
    bool applying_is_ours; // APPLYING was reached by this very run: the target wasn't asked yet
    bool verified_is_ours;
    int64_t retry_after_us; // how long the target asked us to stay away; for the next back-off
    bool none_worked;       // already before this change of the target nothing was known to work
    bool finished;
};

struct run_claim {
    struct uuid attempt;
    int64_t fence;
    int64_t lease_end_us;
};
// Runs it to the next point where it has to wait. Takes everything that it needs itself; failures
// are logged, and recorded with the attempt wherever possible.
void run_attempt(struct rotation *engine, struct worker *w, const struct run_claim *claim);

// What a step may do.

// A change that stays in `state`, keeps the lease, and says that the step went well.
struct attempt_change run_change(const struct run *r, enum attempt_state state);
// Commits it with its event and effect row, and with what `also` does in the same transaction;
// goes on trying while the database is away. The run is finished when it lets go of the lease.
// CONFLICT: someone else has the attempt, the run is finished.
struct status run_commit(struct run *r, const struct attempt_change *change, store_work *also,
                         void *arg);
// Stays or becomes `state` and tries again later, each time later than before.
struct status run_back_off(struct run *r, enum attempt_state state, const char *error_class,
                           struct str message);
// Stays or becomes `state` and goes on at a time (0: none) or after a while, which is no failure.
struct status run_wait(struct run *r, enum attempt_state state, int64_t not_before_us,
                       int64_t delay_us, const char *error_class, struct str why);
// Goes to RECONCILE, with a rotator of its own. Where a call's answer got `lost` and the target
// keeps no fence, nobody acts before it can't land any more.
struct status run_reconcile(struct run *r, bool lost, const char *error_class, struct str message);
// Waits for a person.
struct status run_block(struct run *r, bool hold, const char *error_class, struct str message);
// Reads everything again, after a step that changed more than the attempt.
struct status run_load(struct run *r);

int64_t run_now_us(const struct run *r); // the database's clock
// Has the value been made yet? (K4 to K6: an intent has none.)
bool run_has_value(const struct run *r, enum run_value_kind kind);
// The target may take so long to accept a value, and the time isn't over.
bool run_is_accepting(const struct run *r);
// Classes of error that only a person can do something about.
bool run_needs_person(enum rotunda_error error);
const char *run_class(enum rotunda_error error);
// A failed question or change: back off in `state`, or wait for a person.
struct status run_failed(struct run *r, enum attempt_state state, bool hold,
                         const struct protocol_reply *reply);
struct status run_fenced(struct run *r); // blocks
struct status run_refuse_undurable(struct run *r);

// The value in the clear. INTEGRITY, UNAVAILABLE, NOMEM.
struct status run_open(struct run *r, enum run_value_kind kind, const struct secret **out);
// Asks the rotator about one value, whose account it is about. What an operation has no need of is
// not lent: the private key of K3 goes to probe only, what an issuer made to probe alone where it
// has an id. Release with protocol_reply_done().
struct status run_ask(struct run *r, enum protocol_op op, enum run_value_kind kind,
                      struct protocol_reply *out, bool *asked);
// The same about something that exists at the target under this id.
struct status run_ask_external(struct run *r, enum protocol_op op, struct str external_id,
                               struct protocol_reply *out, bool *asked);
// The same about a value that the attempt isn't about. Of K3 it is known by its id or public part.
struct status run_ask_version(struct run *r, enum protocol_op op, const struct version *v,
                              const struct secret *value, struct protocol_reply *out, bool *asked);
// The same about an account without a value.
struct status run_ask_account(struct run *r, enum protocol_op op, struct str account,
                              struct protocol_reply *out, bool *asked);
// Old and new value are valid side by side.
bool run_overlaps(const struct run *r);

// What the credential's own rules say (run_rules.c). One that was planned by the schedule and
// hasn't touched the target ends when its window closes: `*out_over`.
struct status run_stay_in_window(struct run *r, bool *out_over);
// Retirement by use: somebody still uses the previous value, looked at again later: `*out_waits`.
struct status run_wait_for_disuse(struct run *r, bool *out_waits);

// A pending value that is no more: the row becomes an intent again.
struct status run_clear_work(struct session *s, void *run);

// One function for each state, in run_plan.c, run_steps.c, run_end.c and reconcile.c.
typedef struct status run_step(struct run *r);
extern run_step *const run_steps[ATTEMPT_STATE_COUNT];
struct status reconcile_step(struct run *r);
run_step run_step_planned;
run_step run_step_promoted;
run_step run_step_draining;
