// SPDX-License-Identifier: ISC
// When a credential is due: by interval or cron, moved out of blackouts and into windows, spread by
// jitter. Pure: no clock, no database.
#pragma once

#include "vault/rotation/when/cron.h"
#include "vault/rotation/when/windows.h"

struct timetable {
    bool has_cron;
    struct cron cron;
    int64_t interval_us;    // without cron
    int64_t jitter_us;      // this credential's own share
    struct windows windows; // none: any time
    struct windows blackouts;
    struct zone zone;
    int64_t until_us; // nothing is looked for beyond
};

enum timetable_why { TIMETABLE_ALLOWED, TIMETABLE_WINDOW, TIMETABLE_BLACKOUT };

struct timetable_due {
    int64_t planned_us; // what interval or cron say
    int64_t at_us; // when it is due: never before, and not in a blackout nor outside of windows
    enum timetable_why moved;
};

// May it be rotated then? Else why not.
enum timetable_why timetable_look(const struct timetable *t, int64_t utc_us);
// Due at `planned_us` or as soon as allowed. NOT_FOUND: not before until_us.
struct status timetable_move(const struct timetable *t, int64_t planned_us,
                             struct timetable_due *out);
// The next one after `after_us`. NOT_FOUND.
struct status timetable_next(const struct timetable *t, int64_t after_us,
                             struct timetable_due *out);
// The shortest time between two dates by cron, or the interval, in seconds; 0: cron has no date.
int64_t timetable_shortest_s(const struct timetable *t, int64_t from_us);
