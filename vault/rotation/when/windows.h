// SPDX-License-Identifier: ISC
// When something may be done, or may not: periods as people write them.
//
//     Mon-Fri 22:00-04:00     days of the week, and times of the day; over midnight is fine, the
//     Sat,Sun                 days are those that it begins on. Without times the whole day,
//     22:00-04:00             without days every day
//     2026-12-24/2026-12-27   from the first day to the end of the last one
//     2026-12-24T18:00:00Z/2026-12-25T06:00:00+01:00   from one moment to another
//
// The last two only where `dates` says so. Days and times are those of a time zone's wall.
#pragma once

#include "vault/rotation/when/calendar.h"

enum { WINDOWS_MAX = 32, WINDOW_TEXT_BYTES = 128 };

enum window_kind {
    WINDOW_WEEKLY, // begin_us and end_us since midnight; the end may lie on the next day
    WINDOW_DATES,  // begin_us and end_us are wall times
    WINDOW_PERIOD  // begin_us and end_us are UTC
};

struct window {
    enum window_kind kind;
    uint32_t weekdays; // bit 0: Sunday
    int64_t begin_us;
    int64_t end_us;
};
struct windows {
    struct window items[WINDOWS_MAX];
    size_t count;
};

// INVALID with what is wrong.
struct status window_parse(struct str text, bool dates, struct window *out);

// Is `utc_us` in one of them? Then `*end_us` is when it no longer is, as far as one occurrence
// tells.
bool windows_hold(const struct windows *w, const struct zone *z, int64_t utc_us, int64_t *end_us);
// When the next occurrence after `utc_us` begins. False: none will, or not within eight days.
bool windows_next(const struct windows *w, const struct zone *z, int64_t utc_us, int64_t *begin_us);
