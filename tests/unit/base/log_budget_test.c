// SPDX-License-Identifier: ISC
#include "vault/base/log_budget.h"

#include <stdio.h>

#include "vault/base/clock.h"

#include "tests/support/test.h"

static const int64_t start_us = 1000 * (int64_t)CLOCK_SECOND;

static int written(struct log_budget *b, const char *event, int lines, int64_t now_us)
{
    int count = 0;
    for (int i = 0; i < lines; i++) {
        count += log_budget_take(b, event, now_us);
    }
    return count;
}

static void a_burst_then_one_line_a_second(void **state)
{
    (void)state;
    struct log_budget b = {.count = 0};
    assert_int_equal(LOG_BUDGET_BURST, written(&b, "a", 1000, start_us));
    for (int second = 1; second <= 60; second++) {
        assert_int_equal(1, written(&b, "a", 1000, start_us + second * (int64_t)CLOCK_SECOND));
    }
    assert_int_equal(1000 - LOG_BUDGET_BURST + 60 * 999, b.suppressed);
}

static void events_have_budgets_of_their_own(void **state)
{
    (void)state;
    struct log_budget b = {.count = 0};
    assert_int_equal(LOG_BUDGET_BURST, written(&b, "a", 100, start_us));
    assert_int_equal(LOG_BUDGET_BURST, written(&b, "b", 100, start_us));
}

static void what_is_rare_is_never_suppressed(void **state)
{
    (void)state;
    struct log_budget b = {.count = 0};
    struct log_budget_sum sum;
    for (int64_t second = 0; second < 1000; second++) {
        assert_true(log_budget_take(&b, "a", start_us + second * CLOCK_SECOND));
    }
    assert_false(log_budget_next_sum(&b, CLOCK_NEVER, &sum));
}

static void sums_come_while_it_goes_on_and_when_it_has_ended(void **state)
{
    (void)state;
    struct log_budget b = {.count = 0};
    struct log_budget_sum sum;
    int64_t now_us = start_us;
    int64_t said = 0;
    int sums = 0;
    for (; now_us < start_us + 55 * (int64_t)CLOCK_SECOND; now_us += CLOCK_SECOND / 10) {
        written(&b, "a", 10, now_us);
        if (log_budget_next_sum(&b, now_us, &sum)) {
            assert_false(sum.ended);
            assert_string_equal("a", sum.event);
            said += sum.lines;
            sums++;
        }
    }
    int64_t last_us = now_us - CLOCK_SECOND / 10;
    assert_int_equal(5, sums);
    assert_in_range(said, 1, b.suppressed);
    assert_false(log_budget_next_sum(&b, last_us + CLOCK_SECOND, &sum));
    assert_true(log_budget_next_sum(&b, last_us + 5 * (int64_t)CLOCK_SECOND, &sum));
    assert_true(sum.ended);
    assert_int_equal(b.suppressed, sum.lines);
    assert_int_equal(start_us + 2 * (CLOCK_SECOND / 10), sum.began_us);
    assert_int_equal(last_us, sum.last_us);
    assert_false(log_budget_next_sum(&b, CLOCK_NEVER, &sum));
}

static void the_next_time_counts_from_nothing(void **state)
{
    (void)state;
    struct log_budget b = {.count = 0};
    struct log_budget_sum sum;
    for (int time = 0; time < 3; time++) {
        int64_t now_us = start_us + time * 100 * (int64_t)CLOCK_SECOND;
        assert_int_equal(LOG_BUDGET_BURST, written(&b, "a", LOG_BUDGET_BURST + 7, now_us));
        assert_true(log_budget_next_sum(&b, now_us + 50 * (int64_t)CLOCK_SECOND, &sum));
        assert_true(sum.ended);
        assert_int_equal(7, sum.lines);
        assert_int_equal(now_us, sum.began_us);
    }
}

static void at_the_end_everything_is_said(void **state)
{
    (void)state;
    struct log_budget b = {.count = 0};
    struct log_budget_sum sum;
    written(&b, "a", 100, start_us);
    written(&b, "b", 100, start_us);
    for (int i = 0; i < 2; i++) {
        assert_true(log_budget_next_sum(&b, CLOCK_NEVER, &sum));
        assert_true(sum.ended);
        assert_int_equal(100 - LOG_BUDGET_BURST, sum.lines);
    }
    assert_false(log_budget_next_sum(&b, CLOCK_NEVER, &sum));
}

static void more_events_than_there_is_room_for_are_written(void **state)
{
    (void)state;
    struct log_budget b = {.count = 0};
    char names[LOG_BUDGET_EVENTS][16];
    for (int i = 0; i < LOG_BUDGET_EVENTS; i++) {
        snprintf(names[i], sizeof names[i], "e%d", i);
        assert_true(log_budget_take(&b, names[i], start_us));
    }
    assert_int_equal(1000, written(&b, "further", 1000, start_us));
    assert_int_equal(LOG_BUDGET_BURST - 1, written(&b, names[0], 1000, start_us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_one_line_a_second),
        cmocka_unit_test(events_have_budgets_of_their_own),
        cmocka_unit_test(what_is_rare_is_never_suppressed),
        cmocka_unit_test(sums_come_while_it_goes_on_and_when_it_has_ended),
        cmocka_unit_test(the_next_time_counts_from_nothing),
        cmocka_unit_test(at_the_end_everything_is_said),
        cmocka_unit_test(more_events_than_there_is_room_for_are_written),
    };
    return RUN_TESTS(tests);
}
