// SPDX-License-Identifier: ISC
// From STAGED to VERIFIED: what is done in each state. run_plan.c has what comes before, run_end.c
// what comes after, reconcile.c what follows an unknown outcome.
#include "vault/rotation/engine/orphans.h"
#include "vault/rotation/engine/set_aside.h"
#include "vault/rotation/kind.h"

#include "vault/crypto/aead.h"
#include "vault/rotation/manage/manage.h"
#include "vault/rotation/when/due.h"

enum {
    ACCEPTING_US = CLOCK_SECOND / 2,        // until a value is tried again that isn't accepted yet
    ACCEPTANCE_PAUSE_US = CLOCK_SECOND / 5, // between probes that must all succeed
    SEALED_BYTES = 8192,
};

// A value that only this database knows may be lost with it, and then it is the one that works.
struct status run_refuse_undurable(struct run *r)
{
    return run_back_off(
        r, r->attempt.state, "not_durable",
        STR("the vault's database has replicas and none of them is synchronous: "
            "set synchronous_standby_names, or rotation.allow_asynchronous_replicas in the "
            "configuration"));
}

// ---- staged

// What is there before the create: whatever is new afterwards may be ours. `*out_over`: it can't be
// told, and the run is over for now.
static struct status take_baseline(struct run *r, struct str *out, bool *out_over)
{
    struct protocol_reply list;
    bool asked;
    *out_over = true;
    struct status s = run_ask_account(r, PROTOCOL_LIST_EXTERNAL, r->attempt.account, &list, &asked);
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_STAGED, run_class(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (list.result != PROTOCOL_DONE) {
        return run_failed(r, ATTEMPT_STAGED, r->none_worked, &list);
    }
    *out_over = false;
    return orphans_baseline(r, &list, out);
}

static struct status step_staged(struct run *r)
{
    bool over;
    if (!r->durable) {
        return run_refuse_undurable(r);
    }
    TRY(run_stay_in_window(r, &over));
    if (over) {
        return OK_STATUS;
    }
    if (kind_is_issued(r->credential.kind) && str_equal_c(r->attempt.cause, "rollback")) {
        return run_block(r, r->none_worked, "lost",
                         STR("the target doesn't accept the previous value any more, and the "
                             "issuer would make another one: acknowledge with action=abandon"));
    }
    struct str baseline = STR("");
    if (r->credential.kind == ROTUNDA_K4) {
        TRY(take_baseline(r, &baseline, &over));
        if (over) {
            return OK_STATUS;
        }
    }
    // What can't be ended now doesn't hold up a new value.
    struct set_aside aside CLEANUP(set_aside_done) = {0};
    TRY(set_aside_end(r, &aside));
    struct attempt_change change = run_change(r, ATTEMPT_APPLYING);
    change.next.hold = !run_overlaps(r);
    change.next.baseline = baseline;
    change.detail = set_aside_detail(&aside);
    TRY(run_commit(r, &change, set_aside_work, &aside));
    r->applying_is_ours = true;
    return OK_STATUS;
}

// ---- applying

struct fill_job {
    struct run *run;
    struct version version;
};

static struct status fill_work(struct session *s, void *arg)
{
    const struct fill_job *job = arg;
    return version_fill(s, job->run->worker->vault->keyring, &job->version);
}

struct status run_clear_work(struct session *s, void *run)
{
    struct run *r = run;
    struct version v = r->values[RUN_PENDING].version;
    v.external_id = STR("");
    v.ciphertext = (struct bytes){0};
    v.key_epoch = 0;
    v.valid_until_us = 0;
    return version_fill(s, r->worker->vault->keyring, &v);
}

// It can't be stored, so nobody may have it: best effort, within the lease and under our fence.
// What is left then is found by whoever goes on.
static void discard_issued(struct run *r, const struct protocol_reply *issued)
{
    struct protocol_reply reply = {0};
    bool asked;
    bool may = r->credential.kind != ROTUNDA_K5 && issued->issued_id.len > 0 &&
               driver_has(&r->driver, PROTOCOL_RETIRE) && clock_monotonic_us() < r->lease_end_us;
    if (may) {
        status_ignore(run_ask_external(r, PROTOCOL_RETIRE, issued->issued_id, &reply, &asked));
    }
}

static struct status applied(struct run *r)
{
    struct attempt_change change = run_change(r, ATTEMPT_APPLIED);
    change.next.applied_us = run_now_us(r);
    change.next.tries = 0;
    return run_commit(r, &change, NULL, NULL);
}

// What the issuer made, or the id that it gave to what we made, is stored in the very transaction
// that reaches APPLIED. Until then it is in locked memory alone.
static struct status store_issued(struct run *r, struct protocol_reply *reply)
{
    struct run_value *pending = &r->values[RUN_PENDING];
    struct fill_job job = {r, pending->version};
    struct buffer sealed CLEANUP(buffer_done);
    const struct secret *value = reply->issued;
    buffer_init(&sealed, SEALED_BYTES);
    if (value == NULL) {
        TRY(run_open(r, RUN_PENDING, &value));
    }
    job.version.external_id = reply->issued_id;
    job.version.valid_until_us = reply->issued != NULL ? reply->issued_valid_until_us : 0;
    TRY(version_seal(r->worker->vault->keyring, r->credential.mount, secret_view(value),
                     &job.version, &sealed));
    struct attempt_change change = run_change(r, ATTEMPT_APPLIED);
    change.next.applied_us = run_now_us(r);
    change.next.tries = 0;
    TRY(run_commit(r, &change, fill_work, &job));
    job.version.row_version++;
    job.version.ciphertext = (struct bytes){0};
    pending->version = job.version;
    if (reply->issued != NULL) {
        secret_free(pending->secret);
        pending->secret = TAKE(reply->issued);
    }
    return OK_STATUS;
}

static struct status handle_applied(struct run *r, struct protocol_reply *reply)
{
    bool issued = kind_is_issued(r->credential.kind);
    if (issued && reply->issued == NULL) {
        return run_reconcile(r, false, run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME),
                             STR("the rotator said that something was made, and didn't give it"));
    }
    if (!issued && reply->issued_id.len == 0) {
        return applied(r);
    }
    struct status s = store_issued(r, reply);
    if (!status_ok(s) && issued) {
        discard_issued(r, reply);
    }
    return s;
}

struct change_value_job {
    struct run *run;
    enum run_value_kind kind;
    const char *state;
};

static struct status change_value_work(struct session *s, void *arg)
{
    const struct change_value_job *job = arg;
    return version_change(s, job->run->worker->vault->keyring, &job->run->values[job->kind].version,
                          str_from_c(job->state));
}

// The target's rules don't like the value: another one. It is kept until one is current.
static struct status try_another_value(struct run *r, struct str message)
{
    // A value of before is that one or none.
    bool only_one = str_equal_c(r->attempt.cause, "rollback");
    if (only_one || r->attempt.values_tried + 1 >= VALUES_TRIED_MAX) {
        return run_block(r, r->none_worked, run_class(ROTUNDA_ERROR_POLICY_REJECTED), message);
    }
    struct attempt_change change = run_change(r, ATTEMPT_PLANNED);
    change.next.version = 0;
    change.next.hold = r->none_worked;
    change.next.values_tried++;
    change.error_class = run_class(ROTUNDA_ERROR_POLICY_REJECTED);
    change.detail = message;
    struct change_value_job job = {r, RUN_PENDING, "abandoned"};
    TRY(run_commit(r, &change, change_value_work, &job));
    return run_load(r);
}

// No slot is left. What earlier attempts left behind goes; what else takes them, a person decides.
static struct status free_slots(struct run *r, const struct protocol_reply *refusal)
{
    struct protocol_reply list;
    struct orphans_reaped reaped;
    struct str names;
    struct str message = refusal->message;
    bool asked;
    if (!driver_has(&r->driver, PROTOCOL_LIST_EXTERNAL)) {
        return run_block(r, r->none_worked, run_class(refusal->error), message);
    }
    struct status s = run_ask_account(r, PROTOCOL_LIST_EXTERNAL, r->attempt.account, &list, &asked);
    if (!status_ok(s) || list.result != PROTOCOL_DONE) {
        return run_back_off(r, ATTEMPT_STAGED, run_class(refusal->error), message);
    }
    TRY(orphans_reap(r, &list, false, &reaped));
    if (reaped.ended > 0 || reaped.failed) {
        return run_back_off(r, ATTEMPT_STAGED, run_class(refusal->error),
                            STR("all slots were taken: what earlier attempts left is ended"));
    }
    TRY(orphans_names(r, &list, &names));
    TRY(arena_printf(r->arena, &message,
                     "all slots of the account are taken, by %.*s: end one of them at the target, "
                     "then acknowledge with action=retry",
                     STR_ARG(names)));
    return run_block(r, r->none_worked, run_class(refusal->error), message);
}

static struct status handle_not_applied(struct run *r, const struct protocol_reply *reply)
{
    if (reply->error == ROTUNDA_ERROR_FENCED) {
        return run_fenced(r);
    }
    if (reply->error == ROTUNDA_ERROR_CAP_REACHED) {
        return free_slots(r, reply);
    }
    if (reply->error == ROTUNDA_ERROR_POLICY_REJECTED) {
        return kind_is_issued(r->credential.kind)
                   ? run_block(r, r->none_worked, run_class(reply->error), reply->message)
                   : try_another_value(r, reply->message);
    }
    return run_failed(r, ATTEMPT_STAGED, r->none_worked, reply);
}

static struct status step_applying(struct run *r)
{
    if (!r->applying_is_ours) {
        return run_reconcile(r, true, run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME),
                             STR("whoever had the attempt was lost while it changed the target"));
    }
    r->applying_is_ours = false;
    struct protocol_reply reply CLEANUP(protocol_reply_done) = {0};
    bool asked;
    struct status s = run_ask(r, PROTOCOL_APPLY, RUN_PENDING, &reply, &asked);
    if (!status_ok(s) && !asked) {
        return run_back_off(r, ATTEMPT_STAGED, run_class(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (!status_ok(s)) {
        return run_reconcile(r, true, run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME), str_from_c(s.what));
    }
    if (reply.result == PROTOCOL_NOT_APPLIED && reply.error != ROTUNDA_ERROR_UNKNOWN_OUTCOME) {
        return handle_not_applied(r, &reply);
    }
    if (reply.result != PROTOCOL_APPLIED) {
        return run_reconcile(r, true, run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME), reply.message);
    }
    return handle_applied(r, &reply);
}

// ---- applied

static unsigned probes_wanted(const struct run *r)
{
    unsigned wanted = r->driver.rotator->acceptance_probes;
    wanted = wanted < LIMIT_ROTATION_ACCEPTANCE_PROBES ? wanted : LIMIT_ROTATION_ACCEPTANCE_PROBES;
    return wanted > 0 ? wanted : 1;
}

static struct status handle_refused(struct run *r)
{
    if (run_is_accepting(r)) {
        return run_wait(r, ATTEMPT_APPLIED, 0, ACCEPTING_US, "not_accepted",
                        STR("the target takes a while to accept a new value"));
    }
    return run_reconcile(r, false, run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME),
                         STR("the target confirmed the new value, and refuses it"));
}

static struct status step_applied(struct run *r)
{
    unsigned wanted = probes_wanted(r);
    for (unsigned i = 0; i < wanted; i++) {
        struct protocol_reply reply;
        bool asked;
        if (i > 0) {
            fiber_sleep_until(clock_monotonic_us() + ACCEPTANCE_PAUSE_US);
        }
        struct status s = run_ask(r, PROTOCOL_PROBE, RUN_PENDING, &reply, &asked);
        if (!status_ok(s)) {
            return run_back_off(r, ATTEMPT_APPLIED, run_class(ROTUNDA_ERROR_UNREACHABLE),
                                str_from_c(s.what));
        }
        if (reply.result == PROTOCOL_REJECTED) {
            return handle_refused(r);
        }
        if (reply.result != PROTOCOL_WORKS) {
            return run_failed(r, ATTEMPT_APPLIED, r->attempt.hold, &reply);
        }
    }
    struct attempt_change change = run_change(r, ATTEMPT_VERIFIED);
    change.next.tries = 0;
    TRY(run_commit(r, &change, NULL, NULL));
    r->verified_is_ours = true;
    return OK_STATUS;
}

// ---- verified

// Labels change in one transaction: what was current stays served through its grace where the
// target still accepts it, and ends where it doesn't.
static struct status promote_work(struct session *s, void *arg)
{
    struct run *r = arg;
    const struct keyring *k = r->worker->vault->keyring;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, k, r->credential.id, r->arena, &found));
    struct credential *c = &found.credential;
    int64_t old_until_us = r->values[RUN_CURRENT].version.valid_until_us;
    int64_t new_until_us = r->values[RUN_PENDING].version.valid_until_us;
    // Of a single account it isn't served, but kept for a rollback.
    bool keep = (run_overlaps(r) || c->grace_s > 0) && r->values[RUN_CURRENT].exists;
    if (r->values[RUN_PREVIOUS].exists) {
        TRY(version_change(s, k, &r->values[RUN_PREVIOUS].version, STR("retired")));
    }
    if (r->values[RUN_CURRENT].exists) {
        TRY(version_change(s, k, &r->values[RUN_CURRENT].version,
                           keep ? STR("previous") : STR("retired")));
    }
    TRY(version_change(s, k, &r->values[RUN_PENDING].version, STR("current")));
    TRY(version_forget_abandoned(s, k, c->id, set_aside_is_kept(r)));
    c->previous_version = keep ? c->current_version : 0;
    c->previous_until_us = keep ? kind_served_until_us(c, found.now_us, old_until_us) : 0;
    c->current_version = r->attempt.version;
    c->last_rotated_us = found.now_us;
    c->updated_us = found.now_us;
    TRY(due_set_next(s, c, found.now_us, r->arena));
    kind_cap_due(c, found.now_us, new_until_us);
    bool other_end; // it was changed while this rotation told the target the old one
    TRY(manage_end_moves(&r->credential, c, r->arena, &other_end));
    if (other_end) {
        c->next_rotation_us = found.now_us;
    }
    return credential_store(s, k, c);
}

static struct status promote(struct run *r)
{
    struct attempt_change change = run_change(r, ATTEMPT_PROMOTED);
    change.next.hold = false;
    return run_commit(r, &change, promote_work, r);
}

static struct status step_verified(struct run *r)
{
    if (!r->verified_is_ours) {
        // Time has passed since: the target is asked once more.
        return reconcile_step(r);
    }
    struct status s = promote(r);
    if (s.code == STATUS_CONFLICT) {
        // A value was re-encrypted since it was read. Where the target knows only the new one by
        // now, readers can't wait for the lease to pass; should the attempt be lost, this says so.
        TRY(run_load(r));
        s = promote(r);
    }
    TRY(s);
    return run_load(r);
}

// No attempt is claimed in these: it has ended, or waits for a person.
static struct status step_none(struct run *r)
{
    r->finished = true;
    return OK_STATUS;
}

run_step *const run_steps[ATTEMPT_STATE_COUNT] = {
    [ATTEMPT_PLANNED] = run_step_planned,   [ATTEMPT_STAGED] = step_staged,
    [ATTEMPT_APPLYING] = step_applying,     [ATTEMPT_APPLIED] = step_applied,
    [ATTEMPT_VERIFIED] = step_verified,     [ATTEMPT_PROMOTED] = run_step_promoted,
    [ATTEMPT_DRAINING] = run_step_draining, [ATTEMPT_RETIRED] = step_none,
    [ATTEMPT_RECONCILE] = reconcile_step,   [ATTEMPT_BLOCKED] = step_none,
    [ATTEMPT_ROLLED_BACK] = step_none,
};
