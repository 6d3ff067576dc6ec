// SPDX-License-Identifier: ISC
// What a kind means, and what of an issuer's list is whose. Neither database nor target.
#include "tests/support/test.h"
#include "vault/rotation/engine/orphans.h"
#include "vault/rotation/kind.h"

// STR() is no constant.
#define TEXT(literal)                                                                              \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

static enum rotunda_error no_question(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    (void)call;
    (void)reply;
    return ROTUNDA_ERROR_NONE;
}

static enum rotunda_apply no_change(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    (void)call;
    (void)reply;
    return ROTUNDA_APPLY_APPLIED;
}

static struct rotunda_rotator rotator_of(enum rotunda_kind kind)
{
    return (struct rotunda_rotator){.kind = kind,
                                    .overlap = 1,
                                    .max_slots = 2,
                                    .idempotent = ROTUNDA_REROLL,
                                    .generate = no_question,
                                    .list_external = no_question,
                                    .retire = no_change};
}

static const struct credential one = {.accounts = {TEXT("a")}, .account_count = 1};
static const struct credential two = {.accounts = {TEXT("a"), TEXT("b")}, .account_count = 2};

static void assert_refused(const struct rotunda_rotator *r, const struct credential *c,
                           struct kind_given given, const char *expected)
{
    const char *field = "";
    assert_status(INVALID, kind_check(r, c, &given, &field));
    assert_string_equal(expected, field);
}

static void assert_fine(const struct rotunda_rotator *r, const struct credential *c,
                        struct kind_given given)
{
    const char *field = "";
    assert_ok(kind_check(r, c, &given, &field));
}

static void a_pair_is_for_what_we_choose(void **state)
{
    (void)state;
    for (int kind = ROTUNDA_K1; kind <= ROTUNDA_K6; kind++) {
        struct rotunda_rotator r = rotator_of((enum rotunda_kind)kind);
        if (kind <= ROTUNDA_K2) {
            assert_fine(&r, &two, (struct kind_given){0});
        } else {
            assert_refused(&r, &two, (struct kind_given){0}, "accounts");
        }
        assert_fine(&r, &one, (struct kind_given){0});
    }
}

static void a_present_value_is_given_where_that_makes_sense(void **state)
{
    (void)state;
    const struct kind_given value = {.value = true};
    const struct kind_given both = {.value = true, .external_id = true};
    struct rotunda_rotator r = rotator_of(ROTUNDA_K1);
    assert_fine(&r, &one, value);
    assert_refused(&r, &one, both, "external_id");
    r = rotator_of(ROTUNDA_K3);
    assert_refused(&r, &one, value, "password");
    r = rotator_of(ROTUNDA_K4);
    assert_refused(&r, &one, value, "external_id");
    assert_refused(&r, &one, (struct kind_given){.external_id = true}, "external_id");
    assert_fine(&r, &one, both);
    r = rotator_of(ROTUNDA_K5);
    assert_fine(&r, &one, value);
    r.idempotent = 0; // it must be shown what it replaces
    assert_refused(&r, &one, (struct kind_given){0}, "password");
    r = rotator_of(ROTUNDA_K6);
    assert_refused(&r, &one, both, "password");
}

static void an_issuer_that_can_not_list_is_refused(void **state)
{
    (void)state;
    struct rotunda_rotator r = rotator_of(ROTUNDA_K4);
    r.list_external = NULL;
    assert_refused(&r, &one, (struct kind_given){0}, "target");
    r = rotator_of(ROTUNDA_K3);
    r.generate = NULL;
    assert_refused(&r, &one, (struct kind_given){0}, "target");
}

static void slots_are_where_old_and_new_overlap(void **state)
{
    (void)state;
    struct rotunda_rotator r = rotator_of(ROTUNDA_K4);
    assert_int_equal(2, kind_slots(&r, 1));
    r.max_slots = 0;
    assert_int_equal(LIMIT_ROTATION_SLOTS, kind_slots(&r, 1));
    r.overlap = 0;
    assert_int_equal(1, kind_slots(&r, 1));
    r = rotator_of(ROTUNDA_K2);
    assert_int_equal(1, kind_slots(&r, 2));
    r = rotator_of(ROTUNDA_K5);
    assert_int_equal(1, kind_slots(&r, 1));
}

static int64_t capped_us(struct credential c, int64_t now_us, int64_t valid_until_us)
{
    kind_cap_due(&c, now_us, valid_until_us);
    return c.next_rotation_us;
}

static void what_ends_is_replaced_at_two_thirds_of_its_life(void **state)
{
    (void)state;
    const int64_t now_us = 1000 * (int64_t)CLOCK_SECOND;
    bool differs = false;
    int64_t first_us = 0;
    for (int i = 0; i < 100; i++) {
        struct credential c = {.id = uuid_new(), .next_rotation_us = CLOCK_NEVER};
        int64_t due_us = capped_us(c, now_us, now_us + 300 * CLOCK_SECOND);
        assert_true(due_us <= now_us + 200 * CLOCK_SECOND);
        assert_true(due_us >= now_us + 180 * CLOCK_SECOND);
        assert_int_equal(due_us, capped_us(c, now_us, now_us + 300 * CLOCK_SECOND));
        first_us = i == 0 ? due_us : first_us;
        differs = differs || due_us != first_us;
    }
    assert_true(differs);
    int64_t soon_us = now_us + 10 * CLOCK_SECOND;
    struct credential often = {.id = uuid_new(), .next_rotation_us = soon_us};
    assert_int_equal(soon_us, capped_us(often, now_us, now_us + 300 * CLOCK_SECOND));
    assert_int_equal(soon_us, capped_us(often, now_us, 0));
    assert_int_equal(now_us, capped_us(often, now_us, now_us - 1)); // at once
}

static void nothing_is_served_longer_than_it_is_valid(void **state)
{
    (void)state;
    const struct credential c = {.grace_s = 60};
    assert_int_equal(60 * CLOCK_SECOND, kind_served_until_us(&c, 0, 0));
    assert_int_equal(5, kind_served_until_us(&c, 0, 5));
    assert_int_equal(60 * CLOCK_SECOND, kind_served_until_us(&c, 0, 90 * CLOCK_SECOND));
}

// ---- whose is it

static const struct str known[] = {TEXT("current"), TEXT("previous")};
static const struct str ended[] = {TEXT("retired")};
static const struct str attempts[] = {TEXT("attempt-1"), TEXT("attempt-2")};
static const struct str baseline[] = {TEXT("old"), TEXT("landed-late")};
static const struct orphan_facts facts = {.known = {known, 2},
                                          .ended = {ended, 1},
                                          .attempts = {attempts, 2},
                                          .baseline = {baseline, 2},
                                          .created = true};

static enum orphan_verdict judge(const struct orphan_facts *f, const char *id, const char *tag)
{
    const struct protocol_external e = {.external_id = str_from_c(id), .attempt = str_from_c(tag)};
    return orphan_judge(f, &e);
}

static void what_is_known_is_never_touched(void **state)
{
    (void)state;
    assert_int_equal(ORPHAN_KNOWN, judge(&facts, "current", ""));
    assert_int_equal(ORPHAN_KNOWN, judge(&facts, "previous", "attempt-1"));
    assert_int_equal(ORPHAN_KNOWN, judge(&facts, "old", ""));
    assert_int_equal(ORPHAN_KNOWN, judge(&facts, "old", "somebody-else"));
}

static void what_our_attempts_made_is_ended_even_if_it_landed_before_the_next_create(void **state)
{
    (void)state;
    assert_int_equal(ORPHAN_OURS, judge(&facts, "new", "attempt-2"));
    assert_int_equal(ORPHAN_OURS, judge(&facts, "landed-late", "attempt-1"));
    assert_int_equal(ORPHAN_OURS, judge(&facts, "retired", ""));
}

static void what_is_new_and_untagged_is_ours_only_where_tags_are_not_shown(void **state)
{
    (void)state;
    struct orphan_facts tagged = facts;
    tagged.tags_work = true;
    assert_int_equal(ORPHAN_UNATTRIBUTED, judge(&facts, "new", ""));
    assert_int_equal(ORPHAN_STRANGE, judge(&tagged, "new", ""));
    assert_int_equal(ORPHAN_STRANGE, judge(&facts, "new", "somebody-else"));
    assert_int_equal(ORPHAN_OURS, judge(&tagged, "new", "attempt-1"));
}

// Without a create there is no baseline: everything would look new.
static void nothing_is_new_before_the_first_create(void **state)
{
    (void)state;
    struct orphan_facts untouched = facts;
    untouched.baseline = (struct json_strings){0};
    untouched.created = false;
    assert_int_equal(ORPHAN_STRANGE, judge(&untouched, "old", ""));
    assert_int_equal(ORPHAN_OURS, judge(&untouched, "late", "attempt-1"));
    untouched.created = true; // the account was empty then
    assert_int_equal(ORPHAN_UNATTRIBUTED, judge(&untouched, "new", ""));
}

static void lists_agree_in_any_order(void **state)
{
    (void)state;
    const struct protocol_external ab[] = {{.external_id = STR("a")}, {.external_id = STR("b")}};
    const struct protocol_external ba[] = {{.external_id = STR("b")}, {.external_id = STR("a")}};
    struct protocol_reply one_list = {.externals = ab, .external_count = 2};
    struct protocol_reply other = {.externals = ba, .external_count = 2};
    assert_true(orphans_same(&one_list, &other));
    other.external_count = 1;
    assert_false(orphans_same(&one_list, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_for_what_we_choose),
        cmocka_unit_test(a_present_value_is_given_where_that_makes_sense),
        cmocka_unit_test(an_issuer_that_can_not_list_is_refused),
        cmocka_unit_test(slots_are_where_old_and_new_overlap),
        cmocka_unit_test(what_ends_is_replaced_at_two_thirds_of_its_life),
        cmocka_unit_test(nothing_is_served_longer_than_it_is_valid),
        cmocka_unit_test(what_is_known_is_never_touched),
        cmocka_unit_test(what_our_attempts_made_is_ended_even_if_it_landed_before_the_next_create),
        cmocka_unit_test(what_is_new_and_untagged_is_ours_only_where_tags_are_not_shown),
        cmocka_unit_test(nothing_is_new_before_the_first_create),
        cmocka_unit_test(lists_agree_in_any_order),
    };
    return RUN_TESTS(tests);
}
