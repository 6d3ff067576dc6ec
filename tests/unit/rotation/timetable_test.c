// SPDX-License-Identifier: ISC
// Schedules: cron, windows, blackouts, jitter, and the days on which clocks change.
#include <math.h>

#include "tests/support/test.h"
#include "vault/rotation/value_rules.h"
#include "vault/rotation/when/timetable.h"

static int64_t at(const char *text)
{
    int64_t us;
    assert_ok(clock_parse(str_from_c(text), &us));
    return us;
}

static void assert_time(const char *expected, int64_t us)
{
    char text[CLOCK_TEXT_BYTES];
    clock_format(us, text);
    assert_string_equal(expected, text);
}

// What PostgreSQL says about 2026 and 2027; due_test.c compares.
static struct zone berlin(void)
{
    static struct zone_change changes[5];
    changes[0] = (struct zone_change){at("2025-12-01T00:00:00Z"), CALENDAR_HOUR};
    changes[1] = (struct zone_change){at("2026-03-29T01:00:00Z"), 2 * CALENDAR_HOUR};
    changes[2] = (struct zone_change){at("2026-10-25T01:00:00Z"), CALENDAR_HOUR};
    changes[3] = (struct zone_change){at("2027-03-28T01:00:00Z"), 2 * CALENDAR_HOUR};
    changes[4] = (struct zone_change){at("2027-10-31T01:00:00Z"), CALENDAR_HOUR};
    return (struct zone){changes, ARRAY_LEN(changes)};
}

static struct zone new_york(void)
{
    static struct zone_change changes[3];
    changes[0] = (struct zone_change){at("2025-12-01T00:00:00Z"), -5 * CALENDAR_HOUR};
    changes[1] = (struct zone_change){at("2026-03-08T07:00:00Z"), -4 * CALENDAR_HOUR};
    changes[2] = (struct zone_change){at("2026-11-01T06:00:00Z"), -5 * CALENDAR_HOUR};
    return (struct zone){changes, ARRAY_LEN(changes)};
}

static struct timetable by_cron(const char *cron, struct zone zone)
{
    struct timetable t = {.has_cron = true, .zone = zone, .until_us = at("2060-01-01T00:00:00Z")};
    assert_ok(cron_parse(str_from_c(cron), &t.cron));
    return t;
}

static void add(struct windows *w, const char *text)
{
    assert_ok(window_parse(str_from_c(text), true, &w->items[w->count]));
    w->count++;
}

// The dates that follow each other from `from` on.
static void assert_dates(const struct timetable *t, const char *from, const char *const *expected)
{
    int64_t after_us = at(from);
    for (; *expected != NULL; expected++) {
        struct timetable_due due;
        assert_ok(timetable_next(t, after_us, &due));
        assert_time(*expected, due.at_us);
        after_us = due.at_us;
    }
}

// ---- calendar

static void days_and_dates_belong_together(void **state)
{
    (void)state;
    struct calendar_date leap = {2028, 2, 29};
    assert_time("2028-02-29T00:00:00Z", calendar_day_number(leap) * CALENDAR_DAY);
    for (int64_t day = -200000; day < 200000; day++) {
        struct calendar_date date = calendar_date_of(day);
        assert_int_equal(day, calendar_day_number(date));
        assert_true(date.day >= 1 && date.day <= calendar_days_of(date.year, date.month));
    }
    assert_int_equal(4, calendar_weekday(0));
    assert_int_equal(3, calendar_weekday(-1));
    assert_int_equal(-1, calendar_day_of(-1));
}

static void skipped_and_repeated_times_follow_postgresql(void **state)
{
    (void)state;
    struct zone z = berlin();
    assert_time("2026-03-29T01:30:00Z", zone_to_utc(&z, at("2026-03-29T02:30:00Z")));
    assert_time("2026-03-29T01:00:00Z", zone_to_utc(&z, at("2026-03-29T03:00:00Z")));
    assert_time("2026-03-29T00:59:00Z", zone_to_utc(&z, at("2026-03-29T01:59:00Z")));
    assert_time("2026-10-25T01:30:00Z", zone_to_utc(&z, at("2026-10-25T02:30:00Z")));
    assert_time("2026-10-24T23:59:00Z", zone_to_utc(&z, at("2026-10-25T01:59:00Z")));
    assert_time("2026-10-25T02:00:00Z", zone_to_utc(&z, at("2026-10-25T03:00:00Z")));
    assert_time("2026-07-01T14:00:00Z", zone_to_wall(&z, at("2026-07-01T12:00:00Z")));
    struct zone utc = {0};
    assert_int_equal(1, zone_to_utc(&utc, 1));
}

// ---- cron

static void cron_takes_what_crontab_takes(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"*/15 * * * *", "2026-01-01T00:01:00Z", "2026-01-01T00:15:00Z"},
        {"0 0 * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"},
        {"@daily", "2026-01-01T00:00:01Z", "2026-01-02T00:00:00Z"},
        {"@Weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
        {"@monthly", "2026-01-02T00:00:00Z", "2026-02-01T00:00:00Z"},
        {"@yearly", "2026-01-02T00:00:00Z", "2027-01-01T00:00:00Z"},
        {"  30\t4  1,15 * 5 ", "2026-01-03T00:00:00Z", "2026-01-09T04:30:00Z"},
        {"0 8-18/5 * * MON-fri", "2026-01-02T13:30:00Z", "2026-01-02T18:00:00Z"},
        {"0 0 29 feb *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
        {"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
        {"0 0 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
        {"0 0 * * sat,sun", "2026-01-04T01:00:00Z", "2026-01-10T00:00:00Z"},
        {"59 23 31 DEC *", "2026-01-01T00:00:00Z", "2026-12-31T23:59:00Z"},
        // Vixie: either of two restricted days is enough, both where one begins with a star.
        {"0 0 13 * fri", "2026-02-01T00:00:00Z", "2026-02-06T00:00:00Z"},
        {"0 0 */2 * mon", "2026-02-01T00:00:00Z", "2026-02-09T00:00:00Z"},
        {"0 0 13 * */7", "2026-02-14T00:00:00Z", "2026-09-13T00:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cron c;
        int64_t found = 0;
        assert_ok(cron_parse(str_from_c(cases[i][0]), &c));
        assert_true(cron_next(&c, at(cases[i][1]), at("2200-01-01T00:00:00Z"), &found));
        assert_time(cases[i][2], found);
    }
}

static void cron_refuses_what_it_does_not_understand(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "5/2 * * * *",
        "1-70 * * * *",
        "9-5 * * * *",
        "a * * * *",
        "* * * foo *",
        "-1 * * * *",
        "1, * * * *",
        ",1 * * * *",
        "1-2-3 * * * *",
        "*/ * * * *",
        "*/99 * * * *",
        "@reboot",
        "@",
        "? * * * *",
        "1.5 * * * *",
        "99999999999999999999 * * * *",
        "* * * jan-mon *",
        "+1 * * * *",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cron c;
        assert_status(INVALID, cron_parse(str_from_c(cases[i]), &c));
    }
    struct cron never;
    int64_t found;
    assert_ok(cron_parse(STR("0 0 30 feb *"), &never));
    assert_false(cron_next(&never, 0, at("2400-01-01T00:00:00Z"), &found));
}

static void a_date_comes_once_on_days_when_clocks_change(void **state)
{
    (void)state;
    struct timetable night = by_cron("30 2 * * *", berlin());
    assert_dates(&night, "2026-03-28T12:00:00Z",
                 (const char *const[]){"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", NULL});
    assert_dates(&night, "2026-10-24T12:00:00Z",
                 (const char *const[]){"2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z", NULL});
    struct timetable american = by_cron("30 2 * * *", new_york());
    assert_dates(&american, "2026-03-07T12:00:00Z",
                 (const char *const[]){"2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z", NULL});
    struct timetable autumn = by_cron("30 1 * * *", new_york());
    assert_dates(&autumn, "2026-10-31T12:00:00Z",
                 (const char *const[]){"2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z", NULL});
}

// Two wall times of a gap and after it may be the same moment: dates only go forward.
static void frequent_dates_go_forward_through_a_gap(void **state)
{
    (void)state;
    struct timetable t = by_cron("*/30 * * * *", berlin());
    assert_dates(&t, "2026-03-29T00:00:00Z",
                 (const char *const[]){"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z",
                                       "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z", NULL});
    assert_dates(&t, "2026-10-24T23:00:00Z",
                 (const char *const[]){"2026-10-24T23:30:00Z", "2026-10-25T01:00:00Z",
                                       "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z", NULL});
}

// ---- windows

static void windows_take_days_and_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t weekdays;
        int hours[2];
    } cases[] = {
        {"Mon-Fri 22:00-04:00", 0x3e, {22, 28}}, {"Sat,Sun", 0x41, {0, 24}},
        {"fri-mon 00:00-24:00", 0x63, {0, 24}},  {"09:00-17:00", 0x7f, {9, 17}},
        {" Wed  10:00-11:00 ", 0x08, {10, 11}},  {"08:00-08:00", 0x7f, {8, 32}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct window w;
        assert_ok(window_parse(str_from_c(cases[i].text), false, &w));
        assert_int_equal(cases[i].weekdays, w.weekdays);
        assert_int_equal(cases[i].hours[0] * CALENDAR_HOUR, w.begin_us);
        assert_int_equal(cases[i].hours[1] * CALENDAR_HOUR, w.end_us);
    }
}

static void windows_refuse_what_they_do_not_understand(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "Mon-",
        "Monday",
        "Mon 22:00",
        "22:00-25:00",
        "24:00-04:00",
        "22:60-23:00",
        "2:00-4:00",
        "Mon 22:00-04:00 Tue",
        "Mon,",
        "2026-12-24",
        "2026-12-24/2026-12-23",
        "2026-02-30/2026-03-01",
        "2026-12-24/2026-12-27T00:00:00Z",
        "2026-12-24T00:00:00Z/2026-12-24T00:00:00Z",
        "/",
        "always",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct window w;
        assert_status(INVALID, window_parse(str_from_c(cases[i]), true, &w));
    }
    struct window w;
    assert_status(INVALID, window_parse(STR("2026-12-24/2026-12-27"), false, &w));
    char text[200];
    memset(text, 'x', sizeof text);
    assert_status(INVALID, window_parse((struct str){text, sizeof text}, true, &w));
}

static void what_is_due_outside_of_its_windows_waits_for_the_next(void **state)
{
    (void)state;
    struct timetable t = by_cron("0 12 * * *", berlin());
    struct timetable_due due;
    add(&t.windows, "Mon-Fri 22:00-04:00");
    assert_ok(timetable_next(&t, at("2026-06-04T00:00:00Z"), &due)); // a Thursday
    assert_time("2026-06-04T10:00:00Z", due.planned_us);
    assert_time("2026-06-04T20:00:00Z", due.at_us);
    assert_int_equal(TIMETABLE_WINDOW, due.moved);
    assert_ok(timetable_next(&t, at("2026-06-06T00:00:00Z"), &due)); // Saturday waits for Monday
    assert_time("2026-06-08T20:00:00Z", due.at_us);
    // Friday's window is open until Saturday, four o'clock.
    assert_int_equal(TIMETABLE_ALLOWED, timetable_look(&t, at("2026-06-06T01:59:59Z")));
    assert_int_equal(TIMETABLE_WINDOW, timetable_look(&t, at("2026-06-06T02:00:00Z")));
}

static void blackouts_go_before_windows(void **state)
{
    (void)state;
    struct timetable t = by_cron("0 23 * * *", berlin());
    struct timetable_due due;
    add(&t.windows, "22:00-02:00");
    add(&t.blackouts, "2026-12-24/2026-12-27");
    add(&t.blackouts, "2026-12-31T18:00:00+01:00/2027-01-02T23:30:00+01:00");
    assert_ok(timetable_next(&t, at("2026-12-24T12:00:00Z"), &due));
    assert_time("2026-12-24T22:00:00Z", due.planned_us);
    assert_time("2026-12-27T23:00:00Z", due.at_us); // the 28th, midnight
    assert_int_equal(TIMETABLE_BLACKOUT, due.moved);
    assert_ok(timetable_next(&t, at("2026-12-31T12:00:00Z"), &due));
    assert_time("2027-01-02T22:30:00Z", due.at_us);
    assert_int_equal(TIMETABLE_BLACKOUT, timetable_look(&t, at("2026-12-25T22:30:00Z")));
}

static void windows_that_blackouts_cover_are_found_out(void **state)
{
    (void)state;
    struct timetable t = {.interval_us = CALENDAR_DAY, .until_us = at("2036-01-01T00:00:00Z")};
    struct timetable_due due;
    add(&t.windows, "Mon 10:00-12:00");
    add(&t.blackouts, "Mon,Tue");
    assert_status(NOT_FOUND, timetable_next(&t, at("2026-01-01T00:00:00Z"), &due));
    t.windows.count = 0;
    t.blackouts.count = 0;
    add(&t.blackouts, "Mon-Sun");
    assert_status(NOT_FOUND, timetable_next(&t, at("2026-01-01T00:00:00Z"), &due));
}

// A window in the hour that is skipped comes an hour later; dates inside of it aren't lost.
static void a_window_in_a_gap_is_not_skipped(void **state)
{
    (void)state;
    struct timetable t = by_cron("30 2 * * *", berlin());
    add(&t.windows, "02:00-03:00");
    assert_dates(&t, "2026-03-28T12:00:00Z",
                 (const char *const[]){"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", NULL});
    assert_dates(&t, "2026-10-24T12:00:00Z",
                 (const char *const[]){"2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z", NULL});
}

static void jitter_stays_inside_of_a_window(void **state)
{
    (void)state;
    struct timetable t = by_cron("0 22 * * *", (struct zone){0});
    struct timetable_due due;
    add(&t.windows, "22:00-23:00");
    for (int64_t minutes = 0; minutes < 300; minutes += 7) {
        t.jitter_us = minutes * CALENDAR_MINUTE;
        assert_ok(timetable_next(&t, at("2026-01-01T12:00:00Z"), &due));
        assert_int_equal(TIMETABLE_ALLOWED, timetable_look(&t, due.at_us));
        assert_true(due.at_us < at("2026-01-01T23:00:00Z"));
        assert_true(due.at_us >= due.planned_us);
    }
}

static void the_shortest_time_between_two_dates_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *cron;
        int64_t seconds;
    } cases[] = {{"* * * * *", 60},     {"0 * * * *", 3600},      {"0,50 9 * * *", 3000},
                 {"@daily", 86400},     {"@monthly", 28 * 86400}, {"0 0 30 2 *", 0},
                 {"0 0,23 * * *", 3600}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct timetable t = by_cron(cases[i].cron, (struct zone){0});
        assert_int_equal(cases[i].seconds, timetable_shortest_s(&t, at("2026-01-01T00:00:00Z")));
    }
}

// ---- values

static struct status read_rules(struct credential *c, struct value_rules *out)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new(1024 * 1024);
    return value_rules_read(c, a, out);
}

static struct credential with_rules(const char *alphabet, const char *rules)
{
    return (struct credential){.value_bits = CREDENTIAL_BITS,
                               .value_alphabet = str_from_c(alphabet),
                               .value_rules = str_from_c(rules)};
}

static void values_have_the_entropy_that_was_asked_for(void **state)
{
    (void)state;
    struct value_rules r;
    struct credential c = with_rules("", "");
    assert_ok(read_rules(&c, &r));
    assert_int_equal(27, r.length);
    assert_true(fabs(r.bits - 162) < 0.001);
    c = with_rules("01", "");
    assert_ok(read_rules(&c, &r));
    assert_int_equal(160, r.length);
    // Half of all values have both digits missing at length 1: here all but two have both.
    c = with_rules("ab01", "{\"length\":70,\"require\":\"lower,digit\",\"forbidden\":\"\","
                           "\"first\":\"lower\"}");
    assert_ok(read_rules(&c, &r));
    assert_true(r.bits < 139.0 + 0.001 && r.bits > 138.99);
}

static void values_that_are_too_weak_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "{\"length\":21,\"require\":\"\",\"forbidden\":\"\",\"first\":\"\"}"},
        {"0123456789", "{\"length\":38,\"require\":\"\",\"forbidden\":\"\",\"first\":\"\"}"},
        {"abc", "{\"length\":0,\"require\":\"digit\",\"forbidden\":\"\",\"first\":\"\"}"},
        {"abc", "{\"length\":0,\"require\":\"\",\"forbidden\":\"\",\"first\":\"digit\"}"},
        {"abc", "{\"length\":0,\"require\":\"\",\"forbidden\":\"bc\",\"first\":\"\"}"},
        {"aab", ""},
        {"a b", ""},
        {"a", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct credential c = with_rules(cases[i][0], cases[i][1]);
        struct value_rules r;
        assert_status(INVALID, read_rules(&c, &r));
    }
}

static void generated_values_keep_their_rules(void **state)
{
    (void)state;
    struct credential c = with_rules("", "{\"length\":24,\"require\":\"lower,upper,digit,symbol\","
                                         "\"forbidden\":\"0OlI1\",\"first\":\"upper\"}");
    struct value_rules r;
    size_t firsts[256] = {0};
    assert_ok(read_rules(&c, &r));
    assert_int_equal(24, r.length);
    for (int i = 0; i < 2500; i++) {
        struct secret *value CLEANUP(secret_cleanup) = NULL;
        assert_ok(value_rules_generate(&r, &value));
        struct bytes b = secret_view(value);
        bool digit = false;
        bool symbol = false;
        assert_int_equal(24, b.len);
        for (size_t k = 0; k < b.len; k++) {
            assert_null(strchr("0OlI1", b.ptr[k]));
            digit = digit || (b.ptr[k] >= '2' && b.ptr[k] <= '9');
            symbol = symbol || b.ptr[k] == '-' || b.ptr[k] == '_';
        }
        assert_true(digit && symbol);
        firsts[b.ptr[0]]++;
    }
    // 24 letters: about 104 of each.
    for (char letter = 'A'; letter <= 'Z'; letter++) {
        bool allowed = letter != 'O' && letter != 'I';
        assert_true(allowed ? firsts[(int)letter] > 50 && firsts[(int)letter] < 180
                            : firsts[(int)letter] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_belong_together),
        cmocka_unit_test(skipped_and_repeated_times_follow_postgresql),
        cmocka_unit_test(cron_takes_what_crontab_takes),
        cmocka_unit_test(cron_refuses_what_it_does_not_understand),
        cmocka_unit_test(a_date_comes_once_on_days_when_clocks_change),
        cmocka_unit_test(frequent_dates_go_forward_through_a_gap),
        cmocka_unit_test(windows_take_days_and_times),
        cmocka_unit_test(windows_refuse_what_they_do_not_understand),
        cmocka_unit_test(what_is_due_outside_of_its_windows_waits_for_the_next),
        cmocka_unit_test(blackouts_go_before_windows),
        cmocka_unit_test(windows_that_blackouts_cover_are_found_out),
        cmocka_unit_test(a_window_in_a_gap_is_not_skipped),
        cmocka_unit_test(jitter_stays_inside_of_a_window),
        cmocka_unit_test(the_shortest_time_between_two_dates_is_known),
        cmocka_unit_test(values_have_the_entropy_that_was_asked_for),
        cmocka_unit_test(values_that_are_too_weak_are_refused),
        cmocka_unit_test(generated_values_keep_their_rules),
    };
    assert_ok(secret_system_init(true));
    return RUN_TESTS(tests);
}
