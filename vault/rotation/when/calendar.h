// SPDX-License-Identifier: ISC
// Wall-clock arithmetic. A wall time is microseconds since 1970-01-01 00:00 as a clock on the wall
// of a time zone shows it. What a zone's offsets are is PostgreSQL's to say (due.c); here they are
// a list of changes, so that everything that is derived from it is pure and can be tested.
#pragma once

#include "vault/base/clock.h"

enum { CALENDAR_MINUTES_A_DAY = 24 * 60 };
#define CALENDAR_MINUTE ((int64_t)60 * CLOCK_SECOND)
#define CALENDAR_HOUR (60 * CALENDAR_MINUTE)
#define CALENDAR_DAY (24 * CALENDAR_HOUR)

struct calendar_date {
    int64_t year;
    int month; // 1 to 12
    int day;   // 1 to 31
};
// Proleptic Gregorian; days since 1970-01-01.
int64_t calendar_day_number(struct calendar_date date);
struct calendar_date calendar_date_of(int64_t day_number);
int calendar_weekday(int64_t day_number); // 0: Sunday
int calendar_days_of(int64_t year, int month);
// The day that a wall time falls on, rounded down.
int64_t calendar_day_of(int64_t wall_us);

struct zone_change {
    int64_t from_us;   // UTC
    int64_t offset_us; // wall time minus UTC from then on
};
// Ascending. The first one holds before its own time too, the last one without end.
struct zone {
    const struct zone_change *changes;
    size_t count; // 0: UTC
};

int64_t zone_to_wall(const struct zone *z, int64_t utc_us);
// PostgreSQL's rule (DetermineTimeZoneOffset in datetime.c): a wall time that is skipped in spring
// counts by the offset before the change, one that comes twice in autumn by the offset after it.
int64_t zone_to_utc(const struct zone *z, int64_t wall_us);
