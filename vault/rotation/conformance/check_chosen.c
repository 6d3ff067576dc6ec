// SPDX-License-Identifier: ISC
// Making a value valid, and what is true afterwards: for all kinds, then for those whose values the
// vault chooses (K1, K2).
#include "vault/rotation/conformance/conformance_internal.h"

static void keep(struct conformance *c, struct made *m)
{
    set_current(c, TAKE(m->value), TAKE(m->public_part), str_from_c(m->id));
}

static struct question current_probe(struct conformance *c)
{
    return (struct question){.op = PROTOCOL_PROBE,
                             .value = c->current,
                             .public_part = c->current_public,
                             .external_id = c->current_id};
}

static bool current_works(struct conformance *c, struct verdict *v, const char *when)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    bool works = probe_until(c, current_probe(c), PROTOCOL_WORKS, &a);
    if (!works) {
        fault(v, "%s the present value doesn't work any more: %s", when,
              answer_text(c, PROTOCOL_PROBE, &a));
    }
    return works;
}

void check_works(struct conformance *c, struct verdict *v)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!make_one(c, v, &m)) {
        return;
    }
    if (!probe_until(c, about(PROTOCOL_PROBE, &m), PROTOCOL_WORKS, &a)) {
        fault(v, "apply answered applied, but %s", answer_text(c, PROTOCOL_PROBE, &a));
        return;
    }
    keep(c, &m);
    pass(v, "applied, then works");
}

void check_stranger_rejected(struct conformance *c, struct verdict *v)
{
    struct secret *other CLEANUP(secret_cleanup) = new_value();
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct question q = current_probe(c);
    q.value = other;
    ask(c, &q, &a);
    if (status_ok(a.status) && a.reply.result == PROTOCOL_WORKS) {
        fault(v,
              "probe answered works for a value that nobody ever set: it doesn't log in with the "
              "value, or the route lets everybody in");
        return;
    }
    bool unproven = status_ok(a.status) && a.reply.error == ROTUNDA_ERROR_UNTRUSTED;
    if (unproven || expect(c, v, PROTOCOL_PROBE, &a, PROTOCOL_REJECTED)) {
        pass(v, "%s", answer_text(c, PROTOCOL_PROBE, &a));
    }
}

void check_plan(struct conformance *c, struct verdict *v)
{
    struct secret *value CLEANUP(secret_cleanup) = new_value();
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer after CLEANUP(answer_done) = {.status = OK_STATUS};
    bool chosen = c->hello.kind <= ROTUNDA_K2;
    ask(c, &(struct question){.op = PROTOCOL_PLAN, .value = chosen ? value : NULL}, &a);
    if (!expect(c, v, PROTOCOL_PLAN, &a, PROTOCOL_DONE)) {
        return;
    }
    if (a.reply.step_count == 0) {
        fault(v, "plan answered done without a step");
        return;
    }
    if (!current_works(c, v, "after plan")) {
        return;
    }
    if (chosen) {
        ask(c, &(struct question){.op = PROTOCOL_PROBE, .value = value}, &after);
        if (status_ok(after.status) && after.reply.result == PROTOCOL_WORKS) {
            fault(v, "plan has changed the target: the value that it was shown works");
            return;
        }
    }
    pass(v, "%zu steps, nothing changed", a.reply.step_count);
}

void check_again(struct conformance *c, struct verdict *v)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    bool key = c->hello.kind == ROTUNDA_K3;
    ask(c,
        &(struct question){.op = PROTOCOL_APPLY,
                           .value = key ? NULL : c->current,
                           .public_part = c->current_public},
        &a);
    if (!expect(c, v, PROTOCOL_APPLY, &a, PROTOCOL_APPLIED) ||
        !current_works(c, v, "after it was applied again")) {
        return;
    }
    pass(v, "applied again, still works");
}

// Quotes of every language that a value may be pasted into.
void check_awkward(struct conformance *c, struct verdict *v)
{
    static const char text[] = "'\"\\%s$x`a;b' -- &<{}|#@!";
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer p CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!status_ok(secret_copy(bytes_from_str(str_from_c(text)), &m.value))) {
        fault(v, "out of locked memory");
        return;
    }
    ask(c, &(struct question){.op = PROTOCOL_APPLY, .value = m.value, .previous = c->current}, &a);
    bool refused = status_ok(a.status) && a.reply.result == PROTOCOL_NOT_APPLIED &&
                   a.reply.error == ROTUNDA_ERROR_POLICY_REJECTED;
    if (refused) {
        if (current_works(c, v, "after a value that was refused by policy")) {
            pass(v, "refused by policy, the value before still works");
        }
        return;
    }
    if (!expect(c, v, PROTOCOL_APPLY, &a, PROTOCOL_APPLIED)) {
        return;
    }
    if (!probe_until(c, about(PROTOCOL_PROBE, &m), PROTOCOL_WORKS, &p)) {
        fault(v, "apply said applied, but %s", answer_text(c, PROTOCOL_PROBE, &p));
        return;
    }
    if (c->hello.kind == ROTUNDA_K2) {
        struct answer gone CLEANUP(answer_done) = {.status = OK_STATUS};
        ask(c, &(struct question){.op = PROTOCOL_RETIRE, .value = m.value}, &gone);
    } else {
        keep(c, &m);
    }
    pass(v, "applied and works");
}

void check_fence(struct conformance *c, struct verdict *v)
{
    struct secret *late CLEANUP(secret_cleanup) = new_value();
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    bool key = c->hello.kind == ROTUNDA_K3;
    int64_t behind = c->fence - 1;
    struct answer first CLEANUP(answer_done) = {.status = OK_STATUS};
    ask(c,
        &(struct question){.op = PROTOCOL_APPLY,
                           .value = key ? NULL : c->current,
                           .public_part = c->current_public},
        &first);
    if (!expect(c, v, PROTOCOL_APPLY, &first, PROTOCOL_APPLIED)) {
        return;
    }
    ask(c,
        &(struct question){.op = PROTOCOL_APPLY,
                           .value = key ? NULL : late,
                           .previous = c->current,
                           .public_part = c->current_public,
                           .fence = behind},
        &a);
    if (status_ok(a.status) && a.reply.result == PROTOCOL_APPLIED) {
        fault(
            v,
            "it declares `fences`, but an apply with a smaller fence than one before was applied: "
            "a node that comes late would undo what a later one did");
        return;
    }
    if (!expect(c, v, PROTOCOL_APPLY, &a, PROTOCOL_NOT_APPLIED)) {
        return;
    }
    if (a.reply.error != ROTUNDA_ERROR_FENCED) {
        fault(v, "%s; expected error_class fenced", answer_text(c, PROTOCOL_APPLY, &a));
        return;
    }
    if (current_works(c, v, "after the refused one")) {
        pass(v, "the smaller fence was refused as fenced, nothing changed");
    }
}

// Another value, which works beside or instead of the current one.
static bool make_working(struct conformance *c, struct verdict *v, struct made *out)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!make_one(c, v, out)) {
        return false;
    }
    bool works = probe_until(c, about(PROTOCOL_PROBE, out), PROTOCOL_WORKS, &a);
    if (!works) {
        fault(v, "the new value: %s", answer_text(c, PROTOCOL_PROBE, &a));
    }
    return works;
}

void check_old_ends(struct conformance *c, struct verdict *v)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer old CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!make_working(c, v, &m)) {
        return;
    }
    if (!probe_until(c, current_probe(c), PROTOCOL_REJECTED, &old)) {
        fault(v, "the value before: %s; expected rejected, since a %s has one value",
              answer_text(c, PROTOCOL_PROBE, &old), protocol_kind_name(c->hello.kind).ptr);
        return;
    }
    keep(c, &m);
    pass(v, "the new value works, the one before is rejected");
}

// Both work; then the one before is ended, by itself and twice.
void check_slots(struct conformance *c, struct verdict *v)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer old CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!make_working(c, v, &m)) {
        return;
    }
    if (!current_works(c, v, "beside the new one")) {
        return;
    }
    struct question end = current_probe(c);
    end.op = PROTOCOL_RETIRE;
    for (int i = 0; i < 2; i++) {
        struct answer ended CLEANUP(answer_done) = {.status = OK_STATUS};
        ask(c, &end, &ended);
        if (!expect(c, v, PROTOCOL_RETIRE, &ended, PROTOCOL_APPLIED)) {
            return;
        }
    }
    if (!probe_until(c, current_probe(c), PROTOCOL_REJECTED, &old)) {
        fault(v, "retired, but %s", answer_text(c, PROTOCOL_PROBE, &old));
        return;
    }
    keep(c, &m);
    if (current_works(c, v, "after the other one was retired")) {
        pass(v, "both worked; retire ended the one that was named, twice is fine");
    }
}

void check_revoke(struct conformance *c, struct verdict *v)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer gone CLEANUP(answer_done) = {.status = OK_STATUS};
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer back CLEANUP(answer_done) = {.status = OK_STATUS};
    ask(c, &(struct question){.op = PROTOCOL_REVOKE}, &a);
    if (!expect(c, v, PROTOCOL_REVOKE, &a, PROTOCOL_APPLIED)) {
        return;
    }
    if (!probe_until(c, current_probe(c), PROTOCOL_REJECTED, &gone)) {
        fault(v, "revoked, but %s", answer_text(c, PROTOCOL_PROBE, &gone));
        return;
    }
    c->current_id[0] = '\0';
    if (!make_one(c, v, &m)) {
        return;
    }
    if (!probe_until(c, about(PROTOCOL_PROBE, &m), PROTOCOL_WORKS, &back)) {
        fault(v, "an apply after revoke doesn't bring it back: %s",
              answer_text(c, PROTOCOL_PROBE, &back));
        return;
    }
    keep(c, &m);
    pass(v, "revoked is rejected, and an apply brings it back");
}

void check_key_pair(struct conformance *c, struct verdict *v)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer crossed CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!make_one(c, v, &m)) {
        return;
    }
    if (secret_equal(m.value, m.public_part) || secret_equal(m.value, c->current)) {
        fault(v, "generate doesn't make a new pair with two different halves");
        return;
    }
    if (!probe_until(c, about(PROTOCOL_PROBE, &m), PROTOCOL_WORKS, &a)) {
        fault(v, "with its private half: %s", answer_text(c, PROTOCOL_PROBE, &a));
        return;
    }
    struct secret *other CLEANUP(secret_cleanup) = new_value();
    struct question q = about(PROTOCOL_PROBE, &m);
    q.value = other;
    ask(c, &q, &crossed);
    if (status_ok(crossed.status) && crossed.reply.result == PROTOCOL_WORKS) {
        fault(v, "probe answered works with another private half: it doesn't use it");
        return;
    }
    struct answer ended CLEANUP(answer_done) = {.status = OK_STATUS};
    struct question end = about(PROTOCOL_RETIRE, &m);
    ask(c, &end, &ended);
    if (expect(c, v, PROTOCOL_RETIRE, &ended, PROTOCOL_APPLIED)) {
        pass(v, "generated, uploaded by the public half, works with the private one");
    }
}
