// SPDX-License-Identifier: ISC
// After an unknown outcome: what does the target accept? Nothing is inferred from what we did, and
// an answer that can't be had is waited for.
//
//   pending works                                      it was applied: VERIFIED
//   pending rejected, current or previous works        it was not: STAGED, the same value again
//   pending rejected, there never was another          the same
//   all rejected                                       somebody else was there: BLOCKED
#include "vault/rotation/run.h"

#define NOTHING_WORKS                                                                              \
    STR("the target accepts neither the new value nor the current nor the previous one: somebody " \
        "changed it there. Set it there to what is current and acknowledge with action=retry, or " \
        "let the vault set the new one with action=apply")

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
    const char *error_class = protocol_error_name(f->error).ptr;
    bool person = f->error == ROTUNDA_ERROR_NOT_PERMITTED || f->error == ROTUNDA_ERROR_INVALID ||
                  f->error == ROTUNDA_ERROR_UNTRUSTED;
    return person && r->attempt.state == ATTEMPT_RECONCILE
               ? run_block(r, r->attempt.hold, error_class, f->message)
               : run_back_off(r, r->attempt.state, error_class, f->message);
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

// The pending value doesn't work. From VERIFIED that takes a new look at everything.
static struct status look_at_others(struct run *r)
{
    if (r->attempt.state != ATTEMPT_RECONCILE) {
        struct attempt_change change = run_change(r, ATTEMPT_RECONCILE);
        change.next.hold = !run_overlaps(r);
        change.error_class = protocol_error_name(ROTUNDA_ERROR_UNKNOWN_OUTCOME).ptr;
        change.detail = STR("the value worked and is refused now");
        return run_commit(r, &change, NULL, NULL);
    }
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
    return run_block(r, true, "none_works", NOTHING_WORKS);
}

struct status reconcile_step(struct run *r)
{
    struct finding f = probe(r, RUN_PENDING);
    if (f.result == PROTOCOL_WORKS) {
        return verified(r);
    }
    if (f.result == PROTOCOL_REJECTED) {
        return look_at_others(r);
    }
    return wait_for_answer(r, &f);
}
