// SPDX-License-Identifier: ISC
#include "vault/rotation/when/windows.h"

#include "vault/base/macros.h"

enum { DAYS_A_WEEK = 7, ALL_DAYS = 0x7f, NAME_LETTERS = 3, DATE_BYTES = 10 };

#define EXPECTED_WEEKLY                                                                            \
    "expected days and times, such as \"Mon-Fri 22:00-04:00\", \"Sat,Sun\" or \"22:00-04:00\""

// ---- reading

static bool read_day(struct str text, int *out)
{
    static const char *const names[DAYS_A_WEEK] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    for (int i = 0; i < DAYS_A_WEEK; i++) {
        if (str_equal_nocase(text, str_from_c(names[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

// "Mon-Fri", "Sat,Sun", "Fri-Mon".
static bool read_days(struct str text, uint32_t *out)
{
    struct str item;
    bool more = true;
    *out = 0;
    while (more) {
        struct str from;
        struct str to;
        int first;
        int last;
        more = str_split(text, ',', &item, &text);
        bool is_range = str_split(item, '-', &from, &to);
        if (!read_day(from, &first) || !read_day(is_range ? to : from, &last)) {
            return false;
        }
        last += last < first ? DAYS_A_WEEK : 0;
        for (int day = first; day <= last; day++) {
            *out |= 1U << (day % DAYS_A_WEEK);
        }
    }
    return true;
}

static bool two_digits(const char *at, int64_t *out)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') {
        return false;
    }
    *out = (at[0] - '0') * 10 + (at[1] - '0');
    return true;
}

// "22:00"; "24:00" is the end of the day.
static bool read_time(struct str text, int64_t *out)
{
    int64_t hour;
    int64_t minute;
    if (text.len != 5 || text.ptr[2] != ':' || !two_digits(text.ptr, &hour) ||
        !two_digits(text.ptr + 3, &minute)) {
        return false;
    }
    *out = hour * CALENDAR_HOUR + minute * CALENDAR_MINUTE;
    return minute < 60 && *out <= CALENDAR_DAY;
}

static bool read_times(struct str text, struct window *w)
{
    struct str from;
    struct str to;
    if (!str_split(text, '-', &from, &to) || !read_time(from, &w->begin_us) ||
        !read_time(to, &w->end_us) || w->begin_us == CALENDAR_DAY) {
        return false;
    }
    w->end_us += w->end_us <= w->begin_us ? CALENDAR_DAY : 0;
    return true;
}

static struct status read_weekly(struct str text, struct window *out)
{
    struct window w = {.kind = WINDOW_WEEKLY, .weekdays = ALL_DAYS, .end_us = CALENDAR_DAY};
    struct str first;
    struct str rest;
    bool both = str_split(text, ' ', &first, &rest);
    bool good =
        both ? read_days(first, &w.weekdays) && read_times(str_trim(rest), &w)
             : read_days(first, &w.weekdays) || (w.weekdays = ALL_DAYS, read_times(first, &w));
    if (!good) {
        FAIL(INVALID, EXPECTED_WEEKLY);
    }
    *out = w;
    return OK_STATUS;
}

static bool read_date(struct str text, int64_t *out_wall_us)
{
    char moment[DATE_BYTES + sizeof "T00:00:00Z"] = "";
    if (text.len != DATE_BYTES) {
        return false;
    }
    for (size_t i = 0; i < DATE_BYTES; i++) {
        moment[i] = text.ptr[i];
    }
    static const char midnight[] = "T00:00:00Z";
    for (size_t i = 0; i < sizeof midnight; i++) {
        moment[DATE_BYTES + i] = midnight[i];
    }
    return status_ok(clock_parse((struct str){moment, sizeof moment - 1}, out_wall_us));
}

static struct status read_period(struct str from, struct str to, struct window *out)
{
    struct window w = {.kind = WINDOW_DATES};
    if (read_date(from, &w.begin_us) && read_date(to, &w.end_us)) {
        w.end_us += CALENDAR_DAY;
    } else if (status_ok(clock_parse(from, &w.begin_us)) && status_ok(clock_parse(to, &w.end_us))) {
        w.kind = WINDOW_PERIOD;
    } else {
        FAIL(INVALID, "expected two days, such as \"2026-12-24/2026-12-27\", or two RFC 3339 "
                      "times with a slash between");
    }
    if (w.end_us <= w.begin_us) {
        FAIL(INVALID, "a period ends before it begins");
    }
    *out = w;
    return OK_STATUS;
}

struct status window_parse(struct str text, bool dates, struct window *out)
{
    struct str from;
    struct str to;
    text = str_trim(text);
    if (text.len > WINDOW_TEXT_BYTES) {
        FAIL(INVALID, "longer than 128 octets");
    }
    if (!str_split(text, '/', &from, &to)) {
        return read_weekly(text, out);
    }
    if (!dates) {
        FAIL(INVALID, "a window comes again and again, a single period belongs in "
                      "blackouts: " EXPECTED_WEEKLY);
    }
    return read_period(from, to, out);
}

// ---- looking

struct span {
    int64_t begin_us; // UTC
    int64_t end_us;
};

// The one that begins on a day. Where the clock jumps over all of it, it comes later and is as
// long.
static bool occurrence(const struct window *w, const struct zone *z, int64_t day, struct span *out)
{
    if ((w->weekdays >> calendar_weekday(day) & 1) == 0) {
        return false;
    }
    out->begin_us = zone_to_utc(z, day * CALENDAR_DAY + w->begin_us);
    out->end_us = zone_to_utc(z, day * CALENDAR_DAY + w->end_us);
    if (out->end_us <= out->begin_us) {
        out->end_us = out->begin_us + w->end_us - w->begin_us;
    }
    return true;
}

static struct span fixed(const struct window *w, const struct zone *z)
{
    return w->kind == WINDOW_PERIOD
               ? (struct span){w->begin_us, w->end_us}
               : (struct span){zone_to_utc(z, w->begin_us), zone_to_utc(z, w->end_us)};
}

// The occurrences that can hold a moment, or begin soon after it.
static bool span_of(const struct window *w, const struct zone *z, int64_t day, int number,
                    struct span *out)
{
    if (w->kind == WINDOW_WEEKLY) {
        return occurrence(w, z, day + number - 2, out);
    }
    *out = fixed(w, z);
    return number == 0;
}
enum { SPANS_AROUND = DAYS_A_WEEK + 5 };

bool windows_hold(const struct windows *w, const struct zone *z, int64_t utc_us, int64_t *end_us)
{
    int64_t day = calendar_day_of(zone_to_wall(z, utc_us));
    bool found = false;
    for (size_t i = 0; i < w->count; i++) {
        for (int number = 0; number < SPANS_AROUND; number++) {
            struct span s;
            if (span_of(&w->items[i], z, day, number, &s) && s.begin_us <= utc_us &&
                utc_us < s.end_us && (!found || s.end_us > *end_us)) {
                *end_us = s.end_us;
                found = true;
            }
        }
    }
    return found;
}

bool windows_next(const struct windows *w, const struct zone *z, int64_t utc_us, int64_t *begin_us)
{
    int64_t day = calendar_day_of(zone_to_wall(z, utc_us));
    bool found = false;
    for (size_t i = 0; i < w->count; i++) {
        for (int number = 0; number < SPANS_AROUND; number++) {
            struct span s;
            if (span_of(&w->items[i], z, day, number, &s) && s.begin_us > utc_us &&
                (!found || s.begin_us < *begin_us)) {
                *begin_us = s.begin_us;
                found = true;
            }
        }
    }
    return found;
}
