// SPDX-License-Identifier: ISC
// Schedules: cron, then a window, then a blackout. What is read must give dates that go forward and
// keep to the rules.
#include "tests/fuzz/fuzz.h"
#include "vault/rotation/when/timetable.h"

enum { DATES = 3 };
#define NOW_US (INT64_C(1774742400) * CLOCK_SECOND) // 2026-03-29, when clocks change

static void follow(const struct timetable *t)
{
    int64_t after_us = NOW_US;
    for (int i = 0; i < DATES; i++) {
        struct timetable_due due;
        if (!status_ok(timetable_next(t, after_us, &due))) {
            return;
        }
        REQUIRE(due.planned_us > after_us && due.at_us >= due.planned_us);
        REQUIRE(timetable_look(t, due.at_us) == TIMETABLE_ALLOWED);
        after_us = due.at_us;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct zone_change changes[] = {
        {NOW_US - 90 * CALENDAR_DAY, CALENDAR_HOUR},
        {NOW_US + CALENDAR_HOUR, 2 * CALENDAR_HOUR},
        {NOW_US + 210 * CALENDAR_DAY, CALENDAR_HOUR},
    };
    struct str rest;
    struct str cron = fuzz_split(data, size, &rest);
    struct str window = fuzz_take_text(&rest);
    struct timetable t = {.interval_us = CALENDAR_HOUR,
                          .jitter_us = 17 * CALENDAR_MINUTE,
                          .zone = {changes, sizeof changes / sizeof changes[0]},
                          .until_us = NOW_US + 400 * CALENDAR_DAY};
    t.has_cron = status_ok(cron_parse(cron, &t.cron));
    t.windows.count = status_ok(window_parse(window, false, &t.windows.items[0]));
    t.blackouts.count = status_ok(window_parse(rest, true, &t.blackouts.items[0]));
    REQUIRE(timetable_shortest_s(&t, NOW_US) >= 0);
    follow(&t);
    return 0;
}
