// SPDX-License-Identifier: ISC
// PROMOTED and DRAINING: the end of the value before, at the target first.
#include "vault/rotation/engine/orphans.h"
#include "vault/rotation/engine/set_aside.h"
#include "vault/rotation/kind.h"

enum {
    EVENTS_KEPT = 2000, // of one credential
    ROWS_KEPT = 200,    // values and attempts
    PRUNE_EVERY = 16,   // rotations of one: looking for what is too much costs more than keeping it
};

static const struct store_statement prune = {"rotation.prune", "SELECT rotation_prune($1, $2, $3)"};

// What an issuer made late, after its answer was lost, is looked for once more before the end.
static bool looks_for_orphans(const struct run *r)
{
    bool many = r->credential.kind == ROTUNDA_K4 || r->credential.kind == ROTUNDA_K6;
    return many && driver_has(&r->driver, PROTOCOL_LIST_EXTERNAL) &&
           driver_has(&r->driver, PROTOCOL_RETIRE);
}

static struct status prune_work(struct session *s, void *arg)
{
    const struct run *r = arg;
    if (r->attempt.version % PRUNE_EVERY != 0) {
        return OK_STATUS;
    }
    const struct store_value values[] = {store_uuid(r->credential.id), store_int(EVENTS_KEPT),
                                         store_int(ROWS_KEPT)};
    return session_exec(s, &prune, values, ARRAY_LEN(values), NULL);
}

struct status run_step_promoted(struct run *r)
{
    if (!r->values[RUN_PREVIOUS].exists && !looks_for_orphans(r)) {
        struct attempt_change end = run_change(r, ATTEMPT_RETIRED);
        return run_commit(r, &end, prune_work, r);
    }
    struct attempt_change change = run_change(r, ATTEMPT_DRAINING);
    change.lease_us = 0;
    if (r->values[RUN_PREVIOUS].exists) {
        change.not_before_us = credential_previous_ends_us(&r->credential);
    }
    return run_commit(r, &change, NULL, NULL);
}

static struct status retire_work(struct session *s, void *arg)
{
    const struct set_aside *aside = arg;
    struct run *r = aside->run;
    const struct keyring *k = r->worker->vault->keyring;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, k, r->credential.id, r->arena, &found));
    if (r->values[RUN_PREVIOUS].exists) {
        TRY(version_change(s, k, &r->values[RUN_PREVIOUS].version, STR("retired")));
    }
    TRY(set_aside_work(s, arg));
    found.credential.previous_version = 0;
    found.credential.previous_until_us = 0;
    found.credential.updated_us = found.now_us;
    TRY(credential_store(s, k, &found.credential));
    return prune_work(s, r);
}

static struct status retired(struct run *r, struct set_aside *aside)
{
    struct attempt_change change = run_change(r, ATTEMPT_RETIRED);
    change.next.tries = 0;
    change.detail = set_aside_detail(aside);
    return run_commit(r, &change, retire_work, aside);
}

// What can't be ended is tried for ever where only this row still knows of it; else a person may
// say that it is none of our business any more.
static struct status not_ended(struct run *r, struct status s, const struct protocol_reply *reply)
{
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_DRAINING, run_class(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (reply->error == ROTUNDA_ERROR_FENCED) {
        return run_fenced(r);
    }
    return r->credential.kind > ROTUNDA_K2
               ? run_back_off(r, ATTEMPT_DRAINING, run_class(reply->error), reply->message)
               : run_failed(r, ATTEMPT_DRAINING, false, reply);
}

static struct status finish(struct run *r)
{
    struct protocol_reply list = {0};
    struct orphans_reaped reaped;
    struct set_aside aside CLEANUP(set_aside_done) = {.run = r};
    bool asked;
    if (!looks_for_orphans(r)) {
        TRY(set_aside_end(r, &aside));
        return aside.failed ? not_ended(r, OK_STATUS, &aside.reply) : retired(r, &aside);
    }
    struct status s = run_ask_account(r, PROTOCOL_LIST_EXTERNAL, r->attempt.account, &list, &asked);
    if (!status_ok(s) || list.result != PROTOCOL_DONE) {
        return not_ended(r, s, &list);
    }
    TRY(orphans_reap(r, &list, false, &reaped));
    return reaped.failed ? not_ended(r, OK_STATUS, &reaped.reply) : retired(r, &aside);
}

// No longer served; the row stays until the value is gone at the target.
static struct status disabled_work(struct session *s, void *arg)
{
    struct run *r = arg;
    const struct keyring *k = r->worker->vault->keyring;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, k, r->credential.id, r->arena, &found));
    found.credential.previous_version = 0;
    found.credential.previous_until_us = 0;
    found.credential.updated_us = found.now_us;
    return credential_store(s, k, &found.credential);
}

// Long enough to hear from whoever still used it: it can be enabled again.
static int64_t observe_us(const struct credential *c)
{
    int64_t s = c->grace_s < LIMIT_ROTATION_OBSERVE_S ? c->grace_s : LIMIT_ROTATION_OBSERVE_S;
    return s * CLOCK_SECOND;
}

static struct status disable(struct run *r)
{
    struct protocol_reply reply = {0};
    bool asked;
    struct status s = run_ask(r, PROTOCOL_DISABLE, RUN_PREVIOUS, &reply, &asked);
    if (!status_ok(s) || reply.result != PROTOCOL_APPLIED) {
        return not_ended(r, s, &reply);
    }
    struct attempt_change change = run_change(r, ATTEMPT_DRAINING);
    change.next.tries = 0;
    change.lease_us = 0;
    change.delay_us = observe_us(&r->credential);
    change.detail = STR("the previous value is disabled, and ended after a while");
    return run_commit(r, &change, disabled_work, r);
}

// The password of the account that idles now, or one of several values of an account. Repeating it
// is harmless.
static struct status end_previous(struct run *r, enum protocol_op op)
{
    struct protocol_reply reply = {0};
    bool asked;
    struct str account = r->values[RUN_PREVIOUS].version.account;
    struct status s = op == PROTOCOL_RETIRE ? run_ask(r, op, RUN_PREVIOUS, &reply, &asked)
                                            : run_ask_account(r, op, account, &reply, &asked);
    if (!status_ok(s) || reply.result != PROTOCOL_APPLIED) {
        return not_ended(r, s, &reply);
    }
    return finish(r);
}

struct status run_step_draining(struct run *r)
{
    const struct run_value *previous = &r->values[RUN_PREVIOUS];
    enum protocol_op op = r->credential.slots > 1 ? PROTOCOL_RETIRE : PROTOCOL_REVOKE;
    bool expired = previous->exists && previous->version.valid_until_us != 0 &&
                   previous->version.valid_until_us <= run_now_us(r);
    // Of a single account the new value has ended it: there is only the copy that is kept here.
    if (!previous->exists || !run_overlaps(r) || !driver_has(&r->driver, op) ||
        (expired && r->credential.kind == ROTUNDA_K6)) {
        return finish(r);
    }
    bool waits;
    TRY(run_wait_for_disuse(r, &waits));
    if (waits) {
        return OK_STATUS;
    }
    bool served = r->credential.previous_version != 0;
    if (op == PROTOCOL_RETIRE && served && driver_has(&r->driver, PROTOCOL_DISABLE)) {
        return disable(r);
    }
    return end_previous(r, op);
}
