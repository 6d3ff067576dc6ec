// SPDX-License-Identifier: ISC
#include "api/cli/histogram.h"

#include "tests/support/test.h"

static void percentiles_of_nothing_are_zero(void **state)
{
    (void)state;
    static struct cli_histogram h;
    assert_int_equal(0, cli_histogram_percentile(&h, 50));
    assert_int_equal(0, cli_histogram_percentile(&h, 99));
}

static void short_durations_are_exact(void **state)
{
    (void)state;
    static struct cli_histogram h;
    for (int64_t us = 1; us <= 50; us++) {
        cli_histogram_add(&h, us);
    }
    assert_int_equal(25, cli_histogram_percentile(&h, 50));
    assert_int_equal(45, cli_histogram_percentile(&h, 90));
    assert_int_equal(50, cli_histogram_percentile(&h, 100));
    assert_int_equal(50, h.longest_us);
}

static void long_durations_are_within_two_per_cent(void **state)
{
    (void)state;
    static struct cli_histogram h;
    for (int64_t us = 1; us < INT64_C(100) * 1000 * 1000; us += us / 7 + 1) {
        memset(&h, 0, sizeof h);
        cli_histogram_add(&h, us);
        cli_histogram_add(&h, INT64_C(1) << 36); // or the longest would be told instead
        int64_t told = cli_histogram_percentile(&h, 50);
        assert_true(told >= us - us / 50 && told <= us + us / 50);
    }
}

static void absurd_durations_are_counted(void **state)
{
    (void)state;
    static struct cli_histogram h;
    cli_histogram_add(&h, -1);
    cli_histogram_add(&h, INT64_MAX);
    assert_int_equal(2, h.count);
    assert_int_equal(0, cli_histogram_percentile(&h, 50));
    assert_int_equal(INT64_MAX, h.longest_us);
}

static void a_merge_counts_both(void **state)
{
    (void)state;
    static struct cli_histogram a;
    static struct cli_histogram b;
    cli_histogram_add(&a, 10);
    cli_histogram_add(&b, 20);
    cli_histogram_add(&b, 30);
    cli_histogram_merge(&a, &b);
    assert_int_equal(3, a.count);
    assert_int_equal(20, cli_histogram_percentile(&a, 50));
    assert_int_equal(30, a.longest_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_of_nothing_are_zero),
        cmocka_unit_test(short_durations_are_exact),
        cmocka_unit_test(long_durations_are_within_two_per_cent),
        cmocka_unit_test(absurd_durations_are_counted),
        cmocka_unit_test(a_merge_counts_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
