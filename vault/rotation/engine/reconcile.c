// SPDX-License-Identifier: ISC
// After an unknown outcome: what does the target accept? Nothing is inferred from what we did, and
// an answer that can't be had is waited for. While a lost call may still land, nobody asks.
//
//     pending works                                      it was applied: VERIFIED
//   what we make (K1 to K3)
//     pending rejected, current or previous works        it was not: STAGED, the same value again
//     pending rejected, there never was another          the same
//     all rejected                                       somebody else was there: BLOCKED
//     K3, pending works, its id was lost                 STAGED: uploading it again gives the id
//   what an issuer makes, and its answer was lost
//     K4                                                 listed; what is ours is ended: STAGED
//     K5, current works                                  it was not rolled: STAGED
//     K5, current rejected                               lost: rolled again, or BLOCKED
//     K6                                                 minted again: STAGED
#include "vault/rotation/engine/orphans.h"
#include "vault/rotation/kind.h"

enum { LIST_PAUSE_US = CLOCK_SECOND / 2, ACCEPTING_US = CLOCK_SECOND };

#define NOTHING_WORKS                                                                              \
    STR("the target accepts neither the new value nor the current nor the previous one: somebody " \
        "changed it there. Set it there to what is current and acknowledge with action=retry, or " \
        "let the vault set the new one with action=apply")
#define VALUE_LOST                                                                                 \
    STR("the target replaced the value, its answer was lost, and nobody knows the new one. Make "  \
        "one there by hand and acknowledge with action=import and that value as password")

// What an account's own answer was; the message is the rotator's.
struct finding {
    enum protocol_result result; // WORKS, REJECTED or UNREACHABLE
    enum rotunda_error error;
    struct str message;
};

static struct finding probe(struct run *r, enum run_value_kind kind)
{
    struct protocol_reply reply;
    bool asked;
    struct status s = run_ask(r, PROTOCOL_PROBE, kind, &reply, &asked);
    if (!status_ok(s)) {
        return (struct finding){PROTOCOL_UNREACHABLE, ROTUNDA_ERROR_UNREACHABLE,
                                str_from_c(s.what)};
    }
    return (struct finding){reply.result, reply.error, reply.message};
}

static struct status wait_for_answer(struct run *r, const struct finding *f)
{
    return run_needs_person(f->error) && r->attempt.state == ATTEMPT_RECONCILE
               ? run_block(r, r->attempt.hold, run_class(f->error), f->message)
               : run_back_off(r, r->attempt.state, run_class(f->error), f->message);
}

static struct status verified(struct run *r)
{
    if (r->attempt.state != ATTEMPT_VERIFIED) {
        struct attempt_change change = run_change(r, ATTEMPT_VERIFIED);
        change.next.tries = 0;
        TRY(run_commit(r, &change, NULL, NULL));
    }
    r->verified_is_ours = true;
    return OK_STATUS;
}

// ---- what we make

static struct status look_at_others(struct run *r)
{
    bool known = false;
    for (int kind = RUN_CURRENT; kind <= RUN_PREVIOUS; kind++) {
        if (!r->values[kind].exists) {
            continue;
        }
        known = true;
        struct finding f = probe(r, (enum run_value_kind)kind);
        if (f.result == PROTOCOL_WORKS) {
            r->none_worked = false;
            return run_back_off(r, ATTEMPT_STAGED, "not_applied",
                                STR("the target was not changed: the same value again"));
        }
        if (f.result != PROTOCOL_REJECTED) {
            return wait_for_answer(r, &f);
        }
    }
    if (!known) {
        return run_back_off(r, ATTEMPT_STAGED, "not_applied",
                            STR("the first value was not applied: the same again"));
    }
    if (run_is_accepting(r)) {
        return run_wait(r, ATTEMPT_RECONCILE, 0, ACCEPTING_US, "not_accepted",
                        STR("the target takes a while to accept a new value"));
    }
    return run_block(r, true, "none_works", NOTHING_WORKS);
}

// ---- what an issuer makes

// Back to the intent. What was stored of a value that isn't any is forgotten in the same step.
static struct status make_again(struct run *r, bool hold, struct str message)
{
    r->none_worked = hold;
    if (!run_has_value(r, RUN_PENDING)) {
        return run_back_off(r, ATTEMPT_STAGED, "not_applied", message);
    }
    struct attempt_change change = run_change(r, ATTEMPT_STAGED);
    change.next.hold = hold;
    change.next.values_tried++;
    change.error_class = "not_applied";
    change.detail = message;
    TRY(run_commit(r, &change, run_clear_work, r));
    return run_load(r);
}

// Two answers in a row that agree.
static struct status list_until_stable(struct run *r, struct protocol_reply *out, struct str *why)
{
    struct protocol_reply before;
    bool asked;
    TRY(run_ask_account(r, PROTOCOL_LIST_EXTERNAL, r->attempt.account, &before, &asked));
    fiber_sleep_until(clock_monotonic_us() + LIST_PAUSE_US);
    TRY(run_ask_account(r, PROTOCOL_LIST_EXTERNAL, r->attempt.account, out, &asked));
    bool both = before.result == PROTOCOL_DONE && out->result == PROTOCOL_DONE;
    *why = STR("");
    if (both && !orphans_same(&before, out)) {
        *why = STR("what the target lists is still changing");
    }
    return OK_STATUS;
}

// The issuer confirmed it, and refuses it: it is ours, by its id, and ended.
static struct status end_refused(struct run *r, bool *out_ended)
{
    struct protocol_reply reply;
    bool asked;
    *out_ended = false;
    struct status s = run_ask(r, PROTOCOL_RETIRE, RUN_PENDING, &reply, &asked);
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_RECONCILE, run_class(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (reply.result != PROTOCOL_APPLIED) {
        return reply.error == ROTUNDA_ERROR_FENCED
                   ? run_fenced(r)
                   : run_failed(r, ATTEMPT_RECONCILE, r->attempt.hold, &reply);
    }
    *out_ended = true;
    return OK_STATUS;
}

static struct status create_again(struct run *r, const struct orphans_reaped *reaped)
{
    struct str message = STR("what the lost call may have made is gone: another one is made");
    if (reaped->unattributed.len > 0) {
        TRY(arena_printf(r->arena, &message,
                         "these are new at the target and may come from the lost call or from "
                         "somebody else, look at them: %.*s. Another one is made",
                         STR_ARG(reaped->unattributed)));
    }
    return make_again(r, false, message);
}

static struct status reconcile_listed(struct run *r)
{
    struct protocol_reply list = {0};
    struct orphans_reaped reaped;
    struct str why;
    if (run_has_value(r, RUN_PENDING)) {
        bool ended;
        TRY(end_refused(r, &ended));
        if (!ended) {
            return OK_STATUS;
        }
    }
    struct status s = list_until_stable(r, &list, &why);
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_RECONCILE, run_class(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (list.result != PROTOCOL_DONE) {
        return run_failed(r, ATTEMPT_RECONCILE, r->attempt.hold, &list);
    }
    if (why.len > 0) {
        return run_back_off(r, ATTEMPT_RECONCILE, run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME), why);
    }
    TRY(orphans_reap(r, &list, true, &reaped));
    if (reaped.failed) {
        return reaped.reply.error == ROTUNDA_ERROR_FENCED
                   ? run_fenced(r)
                   : run_failed(r, ATTEMPT_RECONCILE, r->attempt.hold, &reaped.reply);
    }
    return create_again(r, &reaped);
}

static struct status reconcile_rolled(struct run *r)
{
    bool reroll = (r->driver.rotator->idempotent & ROTUNDA_REROLL) != 0;
    if (r->values[RUN_CURRENT].exists) {
        struct finding f = probe(r, RUN_CURRENT);
        if (f.result == PROTOCOL_WORKS) {
            return make_again(r, false, STR("the target was not changed: it is asked again"));
        }
        if (f.result != PROTOCOL_REJECTED) {
            return wait_for_answer(r, &f);
        }
    }
    if (reroll) {
        return make_again(r, true, STR("the value was replaced and is lost: it is replaced again"));
    }
    return run_block(r, true, "lost", VALUE_LOST);
}

// ----

static struct status refused(struct run *r)
{
    if (r->attempt.state != ATTEMPT_RECONCILE) { // VERIFIED: a new look at everything
        struct attempt_change change = run_change(r, ATTEMPT_RECONCILE);
        change.next.hold = !run_overlaps(r);
        change.error_class = run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME);
        change.detail = STR("the value worked and is refused now");
        return run_commit(r, &change, NULL, NULL);
    }
    bool issued = kind_is_issued(r->credential.kind);
    if (issued && run_has_value(r, RUN_PENDING) && r->attempt.values_tried >= VALUES_TRIED_MAX) {
        return run_block(r, r->attempt.hold, "none_works",
                         STR("the target refuses what it issued, several times in a row"));
    }
    switch (r->credential.kind) {
    case ROTUNDA_K4:
        return reconcile_listed(r);
    case ROTUNDA_K5:
        return reconcile_rolled(r);
    case ROTUNDA_K6:
        return make_again(r, false, STR("what was minted is not known: another one is"));
    default:
        return look_at_others(r);
    }
}

// What is uploaded twice stays one: the target says again under which id, by which clients may have
// to name the key.
static bool lacks_id(const struct run *r)
{
    return r->credential.kind == ROTUNDA_K3 && r->attempt.state == ATTEMPT_RECONCILE &&
           r->values[RUN_PENDING].version.external_id.len == 0;
}

static struct status ask_for_id(struct run *r)
{
    return run_back_off(r, ATTEMPT_STAGED, run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME),
                        STR("the key was uploaded, under an id that got lost: uploaded once more"));
}

struct status reconcile_step(struct run *r)
{
    if (r->attempt.state == ATTEMPT_RECONCILE && r->attempt.quarantine_until_us > run_now_us(r)) {
        return run_wait(r, ATTEMPT_RECONCILE, r->attempt.quarantine_until_us, 0,
                        run_class(ROTUNDA_ERROR_UNKNOWN_OUTCOME),
                        STR("a call that got lost may still reach the target: waiting for it"));
    }
    if (!run_has_value(r, RUN_PENDING)) {
        return refused(r); // nobody knows what there is to be asked about
    }
    struct finding f = probe(r, RUN_PENDING);
    if (f.result == PROTOCOL_WORKS) {
        return lacks_id(r) ? ask_for_id(r) : verified(r);
    }
    if (f.result == PROTOCOL_REJECTED) {
        return refused(r);
    }
    return wait_for_answer(r, &f);
}
