// SPDX-License-Identifier: ISC
#include "vault/base/clock.h"

#include "tests/support/test.h"

static void assert_time(const char *text, const char *expected)
{
    int64_t moment = 0;
    char written[CLOCK_TEXT_BYTES];
    assert_ok(clock_parse(str_from_c(text), &moment));
    clock_format(moment, written);
    assert_string_equal(expected, written);
}

static void a_time_is_read_with_any_offset(void **state)
{
    (void)state;
    assert_time("2026-11-23T05:52:56.123456Z", "2026-11-23T05:52:56.123456Z");
    assert_time("1999-12-31t23:59:59.5-08:00", "2000-01-01T07:59:59.5Z");
    assert_time("2024-02-29T00:00:00+00:30", "2024-02-28T23:30:00Z");
}

static void years_have_four_digits(void **state)
{
    (void)state;
    assert_time("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
    assert_time("0999-12-31T23:59:59Z", "0999-12-31T23:59:59Z");
    assert_time("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z");
}

static void a_leap_second_is_the_next_minute(void **state)
{
    (void)state;
    assert_time("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z");
}

static void days_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    int64_t moment;
    assert_status(INVALID, clock_parse(STR("2023-02-29T00:00:00Z"), &moment));
    assert_status(INVALID, clock_parse(STR("1900-02-29T00:00:00Z"), &moment));
    assert_status(INVALID, clock_parse(STR("2026-04-31T00:00:00Z"), &moment));
    assert_status(INVALID, clock_parse(STR("2026-04-00T00:00:00Z"), &moment));
    assert_status(INVALID, clock_parse(STR("2026-13-01T00:00:00Z"), &moment));
}

static void control_characters_are_no_separators(void **state)
{
    (void)state;
    int64_t moment;
    assert_status(INVALID, clock_parse(STR("2026\r11-23T05:00:00Z"), &moment));
    assert_status(INVALID, clock_parse(STR("2026-11-23T05\x1a"
                                           "00:00Z"),
                                       &moment));
    assert_status(INVALID, clock_parse(STR("2026-11-23T05:00:00\x0e"
                                           "5Z"),
                                       &moment));
    assert_status(INVALID, clock_parse(STR("2026-11-23T05:00:00\v01:00"), &moment));
}

static void any_moment_can_be_written(void **state)
{
    (void)state;
    char written[CLOCK_TEXT_BYTES];
    clock_format(INT64_MAX, written);
    assert_string_equal("294247-01-10T04:00:54.775807Z", written);
    clock_format(INT64_MIN, written);
    assert_string_equal("-290308-12-21T19:59:05.224192Z", written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_read_with_any_offset),
        cmocka_unit_test(years_have_four_digits),
        cmocka_unit_test(a_leap_second_is_the_next_minute),
        cmocka_unit_test(days_that_do_not_exist_are_refused),
        cmocka_unit_test(control_characters_are_no_separators),
        cmocka_unit_test(any_moment_can_be_written),
    };
    return RUN_TESTS(tests);
}
