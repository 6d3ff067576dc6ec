// SPDX-License-Identifier: ISC
// Who gets which attempt: rotation_claim().
#include "tests/unit/rotation/rows_fixture.h"

#include <stdio.h>

static const struct store_statement claim = {"test.claim",
                                             "SELECT * FROM rotation_claim($1, $2, $3)"};

enum { LEASE_US = 30 * CLOCK_SECOND, MOST = 10, NAMES_MAX = 128 };

static int claim_as(struct session *s, const char *node, int64_t lease_us, struct store_rows *out)
{
    const struct store_value values[] = {store_text(str_from_c(node)), store_int(lease_us),
                                         store_int(MOST)};
    assert_ok(session_exec(s, &claim, values, ARRAY_LEN(values), out));
    return out->count;
}

static int claim_count(struct session *s, int64_t lease_us)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    return claim_as(s, "node", lease_us, &rows);
}

static void add_attempts(struct rows_fixture *f, struct uuid target, int count)
{
    static int number;
    static char names[NAMES_MAX][16];
    assert_true(number + count <= NAMES_MAX);
    for (int i = 0; i < count; i++, number++) {
        snprintf(names[number], sizeof names[number], "app%d", number);
        struct credential c = rows_fixture_add_credential(f, target, names[number]);
        rows_fixture_add_attempt(f, &c);
    }
}

static void an_attempt_is_claimed_once_and_again_after_its_lease(void **state)
{
    struct rows_fixture *f = *state;
    add_attempts(f, f->target, 1);
    assert_int_equal(1, claim_count(f->session, LEASE_US));
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    rows_fixture_sql(f, "UPDATE rotation_attempt SET lease_until = clock_timestamp()");
    assert_int_equal(1, claim_count(f->session, LEASE_US));
}

static void each_claim_has_a_larger_fence_than_any_before(void **state)
{
    struct rows_fixture *f = *state;
    int64_t last = 0;
    add_attempts(f, f->target, 1);
    for (int i = 0; i < 5; i++) {
        struct store_rows rows CLEANUP(store_rows_done) = {0};
        assert_int_equal(1, claim_as(f->session, "node", 0, &rows));
        assert_true(store_get_int(&rows, 0, 1) > last);
        last = store_get_int(&rows, 0, 1);
    }
}

static void no_more_than_a_targets_concurrency_is_at_work_there(void **state)
{
    struct rows_fixture *f = *state;
    struct uuid other = rows_fixture_add_target(f, 1);
    add_attempts(f, f->target, 5);
    add_attempts(f, other, 3);
    assert_int_equal(2 + 1, claim_count(f->session, LEASE_US));
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    rows_fixture_sql(f, "UPDATE rotation_attempt SET state = 'retired' WHERE fence > 0");
    assert_int_equal(2 + 1, claim_count(f->session, LEASE_US));
}

static void a_saturated_target_hides_no_other(void **state)
{
    struct rows_fixture *f = *state;
    struct uuid other = rows_fixture_add_target(f, 1);
    add_attempts(f, f->target, 20);
    assert_int_equal(2, claim_count(f->session, LEASE_US));
    add_attempts(f, other, 1);
    assert_int_equal(1, claim_count(f->session, LEASE_US));
}

static void much_that_is_ready_at_one_target_hides_no_other(void **state)
{
    struct rows_fixture *f = *state;
    struct uuid other = rows_fixture_add_target(f, 1);
    add_attempts(f, f->target, 20);
    rows_fixture_sql(f, "UPDATE rotation_attempt SET next_step_at = now() - interval '1 hour'");
    add_attempts(f, other, 1);
    assert_int_equal(2 + 1, claim_count(f->session, LEASE_US));
}

static void unanswered(struct rows_fixture *f, int times)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(f->target, id);
    for (int i = 0; i < times; i++) {
        rows_fixture_sql(f, "SELECT rotation_unanswered('%s')", id);
    }
}

static void a_target_that_does_not_answer_is_tried_by_one_at_a_time(void **state)
{
    struct rows_fixture *f = *state;
    add_attempts(f, f->target, 5);
    unanswered(f, 2);
    assert_int_equal(2, claim_count(f->session, LEASE_US));
    rows_fixture_sql(f, "UPDATE rotation_attempt SET lease_until = to_timestamp(0)");
    unanswered(f, 1);
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    rows_fixture_sql(f, "UPDATE rotation_trouble SET failed_at = now() - interval '2 seconds'");
    assert_int_equal(1, claim_count(f->session, LEASE_US));
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    // Failing again, it is left alone for longer.
    rows_fixture_sql(f, "UPDATE rotation_attempt SET lease_until = to_timestamp(0)");
    unanswered(f, 5);
    rows_fixture_sql(f, "UPDATE rotation_trouble SET failed_at = now() - interval '25 seconds'");
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    rows_fixture_sql(f, "UPDATE rotation_trouble SET failed_at = now() - interval '61 seconds'");
    assert_int_equal(1, claim_count(f->session, LEASE_US));
}

static void a_target_that_answers_again_is_used_as_before(void **state)
{
    struct rows_fixture *f = *state;
    char id[UUID_TEXT_BYTES];
    add_attempts(f, f->target, 5);
    unanswered(f, 9);
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    uuid_format(f->target, id);
    rows_fixture_sql(f, "SELECT rotation_answered('%s')", id);
    assert_int_equal(2, claim_count(f->session, LEASE_US));
}

static void the_scheduler_knows_how_long_nothing_is_due(void **state)
{
    struct rows_fixture *f = *state;
    static const char quiet[] = "SELECT coalesce(rotation_quiet_us(), 7)";
    assert_int_equal(7, rows_fixture_int(f->session, quiet));
    add_attempts(f, f->target, 1);
    assert_true(rows_fixture_int(f->session, quiet) <= 0);
    rows_fixture_sql(f, "UPDATE rotation_attempt SET next_step_at = now() + interval '1 hour'");
    int64_t left_us = rows_fixture_int(f->session, quiet);
    assert_true(left_us > INT64_C(3590) * CLOCK_SECOND && left_us <= INT64_C(3600) * CLOCK_SECOND);
    rows_fixture_sql(f, "UPDATE rotation_attempt SET state = 'retired'");
    assert_true(rows_fixture_int(f->session, quiet) < left_us); // the credential itself
}

static void what_another_node_is_claiming_is_passed_over(void **state)
{
    struct rows_fixture *f = *state;
    struct session *other = rows_fixture_connect();
    add_attempts(f, f->target, 1);
    assert_ok(session_begin(other));
    assert_int_equal(1, claim_count(other, LEASE_US));
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    session_rollback(other);
    assert_int_equal(1, claim_count(f->session, LEASE_US));
    session_close(other);
}

static void what_waits_is_blocked_or_is_over_is_not_claimed(void **state)
{
    struct rows_fixture *f = *state;
    add_attempts(f, f->target, 1);
    rows_fixture_sql(f, "UPDATE rotation_attempt SET next_step_at = now() + interval '1 hour'");
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    rows_fixture_sql(f, "UPDATE rotation_attempt SET next_step_at = now(), state = 'blocked'");
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    rows_fixture_sql(f, "UPDATE rotation_attempt SET state = 'retired'");
    assert_int_equal(0, claim_count(f->session, LEASE_US));
    rows_fixture_sql(f, "UPDATE rotation_attempt SET state = 'draining'");
    assert_int_equal(1, claim_count(f->session, LEASE_US));
}

int main(void)
{
    assert_ok(secret_system_init(true));
    const struct CMUnitTest tests[] = {
        rows_test(an_attempt_is_claimed_once_and_again_after_its_lease),
        rows_test(each_claim_has_a_larger_fence_than_any_before),
        rows_test(no_more_than_a_targets_concurrency_is_at_work_there),
        rows_test(a_saturated_target_hides_no_other),
        rows_test(much_that_is_ready_at_one_target_hides_no_other),
        rows_test(a_target_that_does_not_answer_is_tried_by_one_at_a_time),
        rows_test(a_target_that_answers_again_is_used_as_before),
        rows_test(the_scheduler_knows_how_long_nothing_is_due),
        rows_test(what_another_node_is_claiming_is_passed_over),
        rows_test(what_waits_is_blocked_or_is_over_is_not_claimed),
    };
    return RUN_TESTS(tests);
}
