// SPDX-License-Identifier: ISC
// What is done in each state; reconcile.c has the one after an unknown outcome.
#include "vault/rotation/run.h"

#include "vault/crypto/password.h"
#include "vault/crypto/random.h"
#include "vault/crypto/aead.h"
#include "vault/rotation/fault.h"
#include "vault/rotation/manage.h"

enum {
    VALUES_TRIED_MAX = 5,                // generated values that the target's rules may refuse
    SESSIONS_WAIT_US = 2 * CLOCK_SECOND, // until the idle account is looked at again
    SEALED_BYTES = 8192,
    EVENTS_KEPT = 2000, // of one credential
    ROWS_KEPT = 200,    // values and attempts
};

static const struct store_statement prune = {"rotation.prune", "SELECT rotation_prune($1, $2, $3)"};

static const char *class_of(enum rotunda_error error)
{
    return protocol_error_name(error).ptr;
}

// The attempt is no longer ours, or the target has seen a fence of somebody else's: then nothing
// here may go on. Which of the two it is shows when we try to write.
static struct status stop_fenced(struct run *r)
{
    return run_block(r, r->attempt.hold, class_of(ROTUNDA_ERROR_FENCED),
                     STR("the target has seen a later fence than this vault has given out: was the "
                         "vault's database restored, or does another vault rotate the account?"));
}

static bool needs_person(enum rotunda_error error)
{
    return error == ROTUNDA_ERROR_NOT_PERMITTED || error == ROTUNDA_ERROR_INVALID ||
           error == ROTUNDA_ERROR_UNTRUSTED;
}

// A value that only this database knows may be lost with it, and then it is the one that works.
static struct status refuse_undurable(struct run *r)
{
    return run_back_off(r, r->attempt.state, "not_durable",
                        STR("the vault's database has replicas and none of them is synchronous: "
                            "set synchronous_standby_names, or allow it in the configuration"));
}

// ---- planned

static struct status wait_until(struct run *r, int64_t not_before_us, int64_t delay_us,
                                struct str why)
{
    struct attempt_change change = run_change(r, r->attempt.state);
    change.lease_us = 0;
    change.not_before_us = not_before_us;
    change.delay_us = delay_us;
    change.error_class = "in_use";
    change.detail = why;
    return run_commit(r, &change, NULL, NULL);
}

// The idle account of a pair must have no sessions before it is changed: whoever still has one
// would find itself locked out when it opens the next. `*out_waits`: the run is over for now.
static struct status wait_for_idle(struct run *r, bool *out_waits)
{
    const struct run_value *previous = &r->values[RUN_PREVIOUS];
    struct protocol_reply reply;
    bool asked;
    *out_waits = true;
    if (previous->exists && str_equal(previous->version.account, r->attempt.account) &&
        r->credential.previous_until_us > r->loaded_us) {
        return wait_until(r, r->credential.previous_until_us, 0,
                          STR("the previous value is valid until its grace has passed"));
    }
    if (!driver_has(&r->driver, PROTOCOL_SESSIONS)) {
        *out_waits = false;
        return OK_STATUS;
    }
    struct status s = run_ask_account(r, PROTOCOL_SESSIONS, r->attempt.account, &reply, &asked);
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_PLANNED, class_of(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (reply.result != PROTOCOL_DONE) {
        return needs_person(reply.error)
                   ? run_block(r, r->none_worked, class_of(reply.error), reply.message)
                   : run_back_off(r, ATTEMPT_PLANNED, class_of(reply.error), reply.message);
    }
    if (reply.sessions > 0) {
        return wait_until(r, 0, SESSIONS_WAIT_US,
                          STR("the account whose turn it is still has open sessions"));
    }
    *out_waits = false;
    return OK_STATUS;
}

struct stage_job {
    struct run *run;
    struct version version;
};

// The number is taken from the row as it is now: it was never given out before.
static struct status stage_work(struct session *s, void *arg)
{
    const struct stage_job *job = arg;
    struct run *r = job->run;
    const struct keyring *k = r->worker->vault->keyring;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, k, r->credential.id, r->arena, &found));
    if (found.credential.last_version + 1 != job->version.number) {
        FAIL(CONFLICT, "the credential was changed by someone else meanwhile");
    }
    found.credential.last_version++;
    TRY(credential_store(s, k, &found.credential));
    return version_insert(s, k, &job->version);
}

static struct status generate(const struct credential *c, struct secret **out)
{
    struct str alphabet = c->value_alphabet.len > 0 ? c->value_alphabet : PASSWORD_BASE64URL;
    return password_generate(alphabet, (size_t)c->value_bits, out);
}

static struct status stage_value(struct run *r, const struct secret *value, struct stage_job *job,
                                 struct buffer *sealed)
{
    uint8_t *salt = arena_alloc(r->arena, VERSION_SALT_BYTES);
    if (salt == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    random_fill(salt, VERSION_SALT_BYTES);
    job->version = (struct version){.id = uuid_new(),
                                    .namespace_id = r->credential.namespace_id,
                                    .credential = r->credential.id,
                                    .number = r->credential.last_version + 1,
                                    .account = r->attempt.account,
                                    .state = STR("pending"),
                                    .attempt = r->id,
                                    .salt = {salt, VERSION_SALT_BYTES},
                                    .created_us = r->loaded_us};
    return version_seal(r->worker->vault->keyring, r->credential.mount, secret_view(value),
                        &job->version, sealed);
}

static struct status step_planned(struct run *r)
{
    if (!r->durable) {
        return refuse_undurable(r);
    }
    if (credential_is_pair(&r->credential)) {
        bool waits;
        TRY(wait_for_idle(r, &waits));
        if (waits) {
            return OK_STATUS;
        }
    }
    struct secret *value CLEANUP(secret_cleanup) = NULL;
    struct stage_job job = {.run = r};
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, SEALED_BYTES);
    TRY(generate(&r->credential, &value));
    TRY(stage_value(r, value, &job, &sealed));
    struct attempt_change change = run_change(r, ATTEMPT_STAGED);
    change.next.version = job.version.number;
    TRY(run_commit(r, &change, stage_work, &job));
    // From here on the value is what was stored; this one copy stays in locked memory.
    job.version.row_version = 1;
    job.version.ciphertext = (struct bytes){0};
    r->values[RUN_PENDING] =
        (struct run_value){.exists = true, .version = job.version, .secret = TAKE(value)};
    return OK_STATUS;
}

// ---- staged, applying

static struct status step_staged(struct run *r)
{
    if (!r->durable) {
        return refuse_undurable(r);
    }
    struct attempt_change change = run_change(r, ATTEMPT_APPLYING);
    change.next.hold = !run_overlaps(r);
    TRY(run_commit(r, &change, NULL, NULL));
    r->applying_is_ours = true;
    return OK_STATUS;
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
    if (r->attempt.values_tried + 1 >= VALUES_TRIED_MAX) {
        return run_block(r, r->none_worked, class_of(ROTUNDA_ERROR_POLICY_REJECTED), message);
    }
    struct attempt_change change = run_change(r, ATTEMPT_PLANNED);
    change.next.version = 0;
    change.next.hold = r->none_worked;
    change.next.values_tried++;
    change.error_class = class_of(ROTUNDA_ERROR_POLICY_REJECTED);
    change.detail = message;
    struct change_value_job job = {r, RUN_PENDING, "abandoned"};
    TRY(run_commit(r, &change, change_value_work, &job));
    return run_load(r);
}

static struct status handle_not_applied(struct run *r, const struct protocol_reply *reply)
{
    if (reply->error == ROTUNDA_ERROR_FENCED) {
        return stop_fenced(r);
    }
    if (reply->error == ROTUNDA_ERROR_POLICY_REJECTED) {
        return try_another_value(r, reply->message);
    }
    if (needs_person(reply->error)) {
        return run_block(r, r->none_worked, class_of(reply->error), reply->message);
    }
    return run_back_off(r, ATTEMPT_STAGED, class_of(reply->error), reply->message);
}

// On with a rotator of its own, which asks the target what became of it.
static struct status reconcile_now(struct run *r, const char *error_class, struct str message)
{
    driver_reset(&r->driver);
    struct attempt_change change = run_change(r, ATTEMPT_RECONCILE);
    change.error_class = error_class;
    change.detail = message;
    return run_commit(r, &change, NULL, NULL);
}

static struct status step_applying(struct run *r)
{
    if (!r->applying_is_ours) {
        return reconcile_now(r, class_of(ROTUNDA_ERROR_UNKNOWN_OUTCOME),
                             STR("whoever had the attempt was lost while it changed the target"));
    }
    r->applying_is_ours = false;
    struct protocol_reply reply;
    bool asked;
    fault_point(STR("apply"), false);
    struct status s = run_ask(r, PROTOCOL_APPLY, RUN_PENDING, &reply, &asked);
    fault_point(STR("apply"), true);
    if (!status_ok(s) && !asked) {
        return run_back_off(r, ATTEMPT_STAGED, class_of(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (!status_ok(s)) {
        return reconcile_now(r, class_of(ROTUNDA_ERROR_UNKNOWN_OUTCOME), str_from_c(s.what));
    }
    if (reply.result == PROTOCOL_NOT_APPLIED && reply.error != ROTUNDA_ERROR_UNKNOWN_OUTCOME) {
        return handle_not_applied(r, &reply);
    }
    if (reply.result != PROTOCOL_APPLIED) {
        return reconcile_now(r, class_of(ROTUNDA_ERROR_UNKNOWN_OUTCOME), reply.message);
    }
    struct attempt_change change = run_change(r, ATTEMPT_APPLIED);
    return run_commit(r, &change, NULL, NULL);
}

// ---- applied

static struct status step_applied(struct run *r)
{
    struct protocol_reply reply;
    bool asked;
    struct status s = run_ask(r, PROTOCOL_PROBE, RUN_PENDING, &reply, &asked);
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_APPLIED, class_of(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (reply.result == PROTOCOL_REJECTED) {
        return reconcile_now(r, class_of(ROTUNDA_ERROR_UNKNOWN_OUTCOME),
                             STR("the target confirmed the new value, and refuses it"));
    }
    if (reply.result != PROTOCOL_WORKS) {
        return needs_person(reply.error)
                   ? run_block(r, r->attempt.hold, class_of(reply.error), reply.message)
                   : run_back_off(r, ATTEMPT_APPLIED, class_of(reply.error), reply.message);
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
    bool keep = run_overlaps(r) && r->values[RUN_CURRENT].exists;
    if (r->values[RUN_PREVIOUS].exists) {
        TRY(version_change(s, k, &r->values[RUN_PREVIOUS].version, STR("retired")));
    }
    if (r->values[RUN_CURRENT].exists) {
        TRY(version_change(s, k, &r->values[RUN_CURRENT].version,
                           keep ? STR("previous") : STR("retired")));
    }
    TRY(version_change(s, k, &r->values[RUN_PENDING].version, STR("current")));
    TRY(version_forget_abandoned(s, k, c->id));
    c->previous_version = keep ? c->current_version : 0;
    c->previous_until_us = keep ? found.now_us + c->grace_s * CLOCK_SECOND : 0;
    c->current_version = r->attempt.version;
    c->last_rotated_us = found.now_us;
    bool other_end; // it was changed while this rotation told the target the old one
    TRY(manage_end_moves(&r->credential, c, r->arena, &other_end));
    c->next_rotation_us = other_end ? found.now_us : credential_due_us(c, found.now_us);
    c->updated_us = found.now_us;
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

// ---- promoted, draining

static struct status prune_work(struct session *s, void *arg)
{
    const struct run *r = arg;
    const struct store_value values[] = {store_uuid(r->credential.id), store_int(EVENTS_KEPT),
                                         store_int(ROWS_KEPT)};
    return session_exec(s, &prune, values, ARRAY_LEN(values), NULL);
}

static struct status step_promoted(struct run *r)
{
    if (!r->values[RUN_PREVIOUS].exists) {
        struct attempt_change end = run_change(r, ATTEMPT_RETIRED);
        return run_commit(r, &end, prune_work, r);
    }
    struct attempt_change change = run_change(r, ATTEMPT_DRAINING);
    change.lease_us = 0;
    change.not_before_us = r->credential.previous_until_us;
    return run_commit(r, &change, NULL, NULL);
}

static struct status retire_work(struct session *s, void *arg)
{
    struct run *r = arg;
    const struct keyring *k = r->worker->vault->keyring;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, k, r->credential.id, r->arena, &found));
    if (r->values[RUN_PREVIOUS].exists) {
        TRY(version_change(s, k, &r->values[RUN_PREVIOUS].version, STR("retired")));
    }
    found.credential.previous_version = 0;
    found.credential.previous_until_us = 0;
    found.credential.updated_us = found.now_us;
    TRY(credential_store(s, k, &found.credential));
    return prune_work(s, r);
}

static struct status retired(struct run *r)
{
    struct attempt_change change = run_change(r, ATTEMPT_RETIRED);
    change.next.tries = 0;
    return run_commit(r, &change, retire_work, r);
}

// Ends the previous value at the target, where that is something of its own: the password of the
// account that idles now, or one of several values of an account. Repeating it is harmless.
static struct status step_draining(struct run *r)
{
    enum protocol_op op = r->credential.slots > 1 ? PROTOCOL_RETIRE : PROTOCOL_REVOKE;
    struct protocol_reply reply;
    bool asked;
    if (!r->values[RUN_PREVIOUS].exists || !driver_has(&r->driver, op)) {
        return retired(r);
    }
    struct str account = r->values[RUN_PREVIOUS].version.account;
    struct status s = op == PROTOCOL_RETIRE ? run_ask(r, op, RUN_PREVIOUS, &reply, &asked)
                                            : run_ask_account(r, op, account, &reply, &asked);
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_DRAINING, class_of(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (reply.result == PROTOCOL_APPLIED) {
        return retired(r);
    }
    if (reply.error == ROTUNDA_ERROR_FENCED) {
        return stop_fenced(r);
    }
    return needs_person(reply.error)
               ? run_block(r, false, class_of(reply.error), reply.message)
               : run_back_off(r, ATTEMPT_DRAINING, class_of(reply.error), reply.message);
}

// No attempt is claimed in these: it has ended, or waits for a person.
static struct status step_none(struct run *r)
{
    r->finished = true;
    return OK_STATUS;
}

run_step *const run_steps[ATTEMPT_STATE_COUNT] = {
    [ATTEMPT_PLANNED] = step_planned,     [ATTEMPT_STAGED] = step_staged,
    [ATTEMPT_APPLYING] = step_applying,   [ATTEMPT_APPLIED] = step_applied,
    [ATTEMPT_VERIFIED] = step_verified,   [ATTEMPT_PROMOTED] = step_promoted,
    [ATTEMPT_DRAINING] = step_draining,   [ATTEMPT_RETIRED] = step_none,
    [ATTEMPT_RECONCILE] = reconcile_step, [ATTEMPT_BLOCKED] = step_none,
    [ATTEMPT_ROLLED_BACK] = step_none,
};
