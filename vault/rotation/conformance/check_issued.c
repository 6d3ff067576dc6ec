// SPDX-License-Identifier: ISC
// What an issuer makes: K4 (listed), K5 (rolled in place), K6 (minted).
#include "vault/rotation/conformance/conformance_internal.h"

static struct question question_current(struct conformance *c, enum protocol_op op)
{
    return (struct question){.op = op,
                             .value = op == PROTOCOL_PROBE ? c->current : NULL,
                             .public_part = c->current_public,
                             .external_id = c->current_id};
}

static const struct protocol_external *find_id(const struct answer *list, const char *id)
{
    for (size_t i = 0; i < list->reply.external_count; i++) {
        if (str_equal_c(list->reply.externals[i].external_id, id)) {
            return &list->reply.externals[i];
        }
    }
    return NULL;
}

static bool list(struct conformance *c, struct verdict *v, struct answer *out)
{
    ask(c, &(struct question){.op = PROTOCOL_LIST_EXTERNAL}, out);
    return expect(c, v, PROTOCOL_LIST_EXTERNAL, out, PROTOCOL_DONE);
}

static bool retire(struct conformance *c, struct verdict *v, const struct made *m)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct question q = about(PROTOCOL_RETIRE, m);
    ask(c, &q, &a);
    return expect(c, v, PROTOCOL_RETIRE, &a, PROTOCOL_APPLIED);
}

// The list names it, with the attempt that made it where that is said at all.
static bool is_listed(struct conformance *c, struct verdict *v, const struct made *m, bool *tagged)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    char attempt[UUID_TEXT_BYTES];
    if (!list(c, v, &a)) {
        return false;
    }
    const struct protocol_external *found = find_id(&a, m->id);
    if (found == NULL) {
        fault(v, "list_external doesn't name what apply has just made");
        return false;
    }
    uuid_format(m->attempt, attempt);
    *tagged = found->attempt.len > 0;
    if (*tagged && !str_equal_c(found->attempt, attempt)) {
        fault(v, "list_external shows another attempt than the one that made it");
        return false;
    }
    return true;
}

void check_issues(struct conformance *c, struct verdict *v)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    bool tagged = false;
    struct answer before CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer after CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!list(c, v, &before) || !make_one(c, v, &m) || !is_listed(c, v, &m, &tagged)) {
        return;
    }
    if (m.id[0] == '\0' || strcmp(m.id, c->current_id) == 0) {
        fault(v, "a second create has the same id as the first, or none");
        return;
    }
    if (!list(c, v, &after)) {
        return;
    }
    size_t more = after.reply.external_count - before.reply.external_count;
    if (more != 1) {
        fault(v, "one apply, and list_external shows %zu more: expected one more", more);
        return;
    }
    if (!probe_until(c, about(PROTOCOL_PROBE, &m), PROTOCOL_WORKS, &a)) {
        fault(v, "what it has made: %s", answer_text(c, PROTOCOL_PROBE, &a));
        return;
    }
    if (retire(c, v, &m)) {
        pass(v, "another id, one more in the list%s",
             tagged ? ", tagged with its attempt"
                    : "; not tagged: nothing unknown is ended by itself");
    }
}

static bool turn(struct conformance *c, struct verdict *v, enum protocol_op op, bool works)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer p CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer l CLEANUP(answer_done) = {.status = OK_STATUS};
    struct question q = question_current(c, op);
    ask(c, &q, &a);
    if (!expect(c, v, op, &a, PROTOCOL_APPLIED)) {
        return false;
    }
    enum protocol_result wanted = works ? PROTOCOL_WORKS : PROTOCOL_REJECTED;
    if (!probe_until(c, question_current(c, PROTOCOL_PROBE), wanted, &p)) {
        fault(v, "after %s: %s", protocol_op_name(op).ptr, answer_text(c, PROTOCOL_PROBE, &p));
        return false;
    }
    if (!has_op(c, PROTOCOL_LIST_EXTERNAL) || !list(c, v, &l)) {
        return !has_op(c, PROTOCOL_LIST_EXTERNAL);
    }
    const struct protocol_external *found = find_id(&l, c->current_id);
    if (found == NULL || found->enabled != works) {
        fault(v, "after %s list_external doesn't show it as %s", protocol_op_name(op).ptr,
              works ? "enabled" : "not enabled");
        return false;
    }
    return true;
}

void check_turned_off(struct conformance *c, struct verdict *v)
{
    if (turn(c, v, PROTOCOL_DISABLE, false) && turn(c, v, PROTOCOL_DISABLE, false) &&
        turn(c, v, PROTOCOL_ENABLE, true)) {
        pass(v, "disabled is rejected, twice is fine, enabled works again");
    }
}

void check_ends(struct conformance *c, struct verdict *v)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer gone CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer stays CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!make_one(c, v, &m) || !retire(c, v, &m) || !retire(c, v, &m)) {
        return;
    }
    if (!probe_until(c, about(PROTOCOL_PROBE, &m), PROTOCOL_REJECTED, &gone)) {
        fault(v, "retired, but %s", answer_text(c, PROTOCOL_PROBE, &gone));
        return;
    }
    if (!probe_until(c, question_current(c, PROTOCOL_PROBE), PROTOCOL_WORKS, &stays)) {
        fault(v, "retire has ended another one than was named: %s",
              answer_text(c, PROTOCOL_PROBE, &stays));
        return;
    }
    pass(v, "retire ended the one that was named alone, twice is fine");
}

// Makes more until the target refuses; what it made is ended.
void check_cap(struct conformance *c, struct verdict *v)
{
    enum { MOST = 12 };
    struct made *made = ARENA_ARRAY(c->arena, struct made, MOST);
    size_t count = 0;
    struct verdict last = {0};
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    while (made != NULL && count < MOST && make_one(c, &last, &made[count])) {
        count++;
    }
    if (made == NULL) {
        fault(v, "out of memory");
    } else if (count < MOST) {
        made_done(&made[count]);
        struct verdict unused = {0};
        bool listed = !has_op(c, PROTOCOL_LIST_EXTERNAL) || list(c, &unused, &a);
        bool capped = strstr(last.detail, "not_applied, cap_reached") != NULL;
        (capped && listed ? pass : fault)(v, "after %zu more: %s", count, last.detail);
    } else {
        skip(v, "no cap after %d more", (int)MOST);
    }
    for (size_t i = 0; i < count; i++) {
        struct verdict ended = {0};
        if (!retire(c, &ended, &made[i])) {
            fault(v, "what was made can't be ended: %s", ended.detail);
        }
        made_done(&made[i]);
    }
}

void check_rolled(struct conformance *c, struct verdict *v)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    struct answer old CLEANUP(answer_done) = {.status = OK_STATUS};
    if (!make_one(c, v, &m)) {
        return;
    }
    if (secret_equal(m.value, c->current)) {
        fault(v, "the value that was issued is the one before");
        return;
    }
    if (!probe_until(c, about(PROTOCOL_PROBE, &m), PROTOCOL_WORKS, &a)) {
        fault(v, "the new value: %s", answer_text(c, PROTOCOL_PROBE, &a));
        return;
    }
    if (!c->hello.overlap &&
        !probe_until(c, question_current(c, PROTOCOL_PROBE), PROTOCOL_REJECTED, &old)) {
        fault(v, "it declares no overlap, but the value before: %s",
              answer_text(c, PROTOCOL_PROBE, &old));
        return;
    }
    set_current(c, TAKE(m.value), NULL, str_from_c(m.id));
    pass(v, "a new value works%s", c->hello.overlap ? "" : ", the one before is rejected");
}

void check_mint(struct conformance *c, struct verdict *v)
{
    struct made m CLEANUP(made_done) = {.value = NULL};
    if (!make_one(c, v, &m)) {
        return;
    }
    if (m.valid_until_us <= clock_wall_us()) {
        fault(v, "what it mints has no valid_until_us that lies ahead");
        return;
    }
    if (secret_equal(m.value, c->current)) {
        fault(v, "two mints gave the same value");
        return;
    }
    int64_t life_s = (m.valid_until_us - clock_wall_us()) / CLOCK_SECOND;
    if (has_op(c, PROTOCOL_RETIRE) && !retire(c, v, &m)) {
        return;
    }
    pass(v, "another value each time, good for %lld s", (long long)life_s);
}
