// SPDX-License-Identifier: ISC
#include "vault/rotation/when/timetable.h"

#include "vault/base/macros.h"

enum {
    LOOKED_AT_MAX = 2048,  // ends of blackouts and begins of windows on the way to a moment
    MERGED_MAX = 64,       // windows that follow each other without a gap
    DATES_COMPARED = 1500, // every minute of a day, and a day of every month for many years
    AROUND_H = 3,          // clocks go forward or back by no more
};

enum timetable_why timetable_look(const struct timetable *t, int64_t utc_us)
{
    int64_t end_us;
    if (windows_hold(&t->blackouts, &t->zone, utc_us, &end_us)) {
        return TIMETABLE_BLACKOUT;
    }
    bool open = t->windows.count == 0 || windows_hold(&t->windows, &t->zone, utc_us, &end_us);
    return open ? TIMETABLE_ALLOWED : TIMETABLE_WINDOW;
}

// Until when it may be rotated that may be rotated at `from_us`.
static int64_t allowed_until(const struct timetable *t, int64_t from_us)
{
    int64_t end_us = t->windows.count == 0 ? CLOCK_NEVER : from_us;
    int64_t blackout_us;
    for (int i = 0; i < MERGED_MAX && end_us != CLOCK_NEVER; i++) {
        int64_t longer_us;
        if (!windows_hold(&t->windows, &t->zone, end_us, &longer_us)) {
            break;
        }
        end_us = longer_us;
    }
    bool ends = windows_next(&t->blackouts, &t->zone, from_us, &blackout_us);
    return ends && blackout_us < end_us ? blackout_us : end_us;
}

// A step towards the next moment that is allowed. False: there is none.
static bool step(const struct timetable *t, int64_t *at_us, enum timetable_why *why)
{
    int64_t end_us;
    if (windows_hold(&t->blackouts, &t->zone, *at_us, &end_us)) {
        *why = TIMETABLE_BLACKOUT;
        *at_us = end_us;
        return true;
    }
    *why = *why == TIMETABLE_BLACKOUT ? *why : TIMETABLE_WINDOW;
    return windows_next(&t->windows, &t->zone, *at_us, at_us);
}

struct status timetable_move(const struct timetable *t, int64_t planned_us,
                             struct timetable_due *out)
{
    struct timetable_due due = {.planned_us = planned_us, .at_us = planned_us};
    for (int i = 0; timetable_look(t, due.at_us) != TIMETABLE_ALLOWED; i++) {
        if (i == LOOKED_AT_MAX || !step(t, &due.at_us, &due.moved) || due.at_us >= t->until_us) {
            FAIL(NOT_FOUND, "the windows and blackouts leave no moment to rotate");
        }
    }
    if (t->jitter_us > 0) {
        // The spread stays inside of the window: else it would be moved on to the next one.
        int64_t room_us = allowed_until(t, due.at_us) - due.at_us;
        due.at_us += t->jitter_us < room_us ? t->jitter_us : t->jitter_us % room_us;
    }
    *out = due;
    return OK_STATUS;
}

// Where clocks change, the order of wall times isn't that of moments: those around are looked at
// as well.
static bool next_by_cron(const struct timetable *t, int64_t after_us, int64_t *out)
{
    const int64_t around_us = AROUND_H * CALENDAR_HOUR;
    int64_t wall_us = zone_to_wall(&t->zone, after_us) - around_us;
    int64_t last_us = zone_to_wall(&t->zone, t->until_us);
    bool found = false;
    while (cron_next(&t->cron, wall_us, last_us, &wall_us)) {
        int64_t utc_us = zone_to_utc(&t->zone, wall_us);
        if (utc_us > after_us && (!found || utc_us < *out)) {
            *out = utc_us;
            last_us = found ? last_us : wall_us + around_us;
            found = true;
        }
        wall_us += CALENDAR_MINUTE;
    }
    return found;
}

struct status timetable_next(const struct timetable *t, int64_t after_us, struct timetable_due *out)
{
    int64_t planned_us = after_us + t->interval_us;
    if (t->has_cron && !next_by_cron(t, after_us, &planned_us)) {
        FAIL(NOT_FOUND, "the schedule has no further date");
    }
    return timetable_move(t, planned_us, out);
}

int64_t timetable_shortest_s(const struct timetable *t, int64_t from_us)
{
    int64_t shortest_us = t->has_cron ? t->until_us - from_us : t->interval_us;
    int64_t before_us;
    int64_t at_us;
    if (!t->has_cron) {
        return shortest_us / CLOCK_SECOND;
    }
    if (!cron_next(&t->cron, from_us, t->until_us, &before_us)) {
        return 0;
    }
    for (int i = 0; i < DATES_COMPARED; i++) {
        if (!cron_next(&t->cron, before_us + CALENDAR_MINUTE, t->until_us, &at_us)) {
            break;
        }
        shortest_us = at_us - before_us < shortest_us ? at_us - before_us : shortest_us;
        before_us = at_us;
    }
    return shortest_us / CLOCK_SECOND;
}
