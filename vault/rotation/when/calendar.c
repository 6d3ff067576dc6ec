// SPDX-License-Identifier: ISC
#include "vault/rotation/when/calendar.h"

#include "vault/base/macros.h"

enum {
    DAYS_A_WEEK = 7,
    WEEKDAY_OF_1970 = 4, // a Thursday
    YEARS_AN_ERA = 400,
    DAYS_AN_ERA = 146097,
    DAYS_TO_1970 = 719468, // from 0000-03-01
};

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

int64_t calendar_day_of(int64_t wall_us)
{
    return floor_div(wall_us, CALENDAR_DAY);
}

// Years begin in March, so that the leap day is their last.
int64_t calendar_day_number(struct calendar_date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = floor_div(year, YEARS_AN_ERA);
    int64_t of_era = year - era * YEARS_AN_ERA;
    int64_t month = (date.month + 9) % 12;
    int64_t day = (153 * month + 2) / 5 + date.day - 1;
    return era * DAYS_AN_ERA + of_era * 365 + of_era / 4 - of_era / 100 + day - DAYS_TO_1970;
}

struct calendar_date calendar_date_of(int64_t day_number)
{
    int64_t shifted = day_number + DAYS_TO_1970;
    int64_t era = floor_div(shifted, DAYS_AN_ERA);
    int64_t of_era = shifted - era * DAYS_AN_ERA;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_AN_ERA - 1)) / 365;
    int64_t day = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day + 2) / 153;
    struct calendar_date date = {.year = year + era * YEARS_AN_ERA,
                                 .month = (int)((month + 2) % 12 + 1),
                                 .day = (int)(day - (153 * month + 2) / 5 + 1)};
    date.year += date.month <= 2;
    return date;
}

int calendar_weekday(int64_t day_number)
{
    int64_t weekday = (day_number + WEEKDAY_OF_1970) % DAYS_A_WEEK;
    return (int)(weekday < 0 ? weekday + DAYS_A_WEEK : weekday);
}

int calendar_days_of(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

int64_t zone_to_wall(const struct zone *z, int64_t utc_us)
{
    int64_t offset_us = z->count == 0 ? 0 : z->changes[0].offset_us;
    for (size_t i = 1; i < z->count && z->changes[i].from_us <= utc_us; i++) {
        offset_us = z->changes[i].offset_us;
    }
    return utc_us + offset_us;
}

int64_t zone_to_utc(const struct zone *z, int64_t wall_us)
{
    int64_t offset_us = z->count == 0 ? 0 : z->changes[0].offset_us;
    for (size_t i = 1; i < z->count; i++) {
        // Beyond the change by its new offset: it has happened. In a gap it has not.
        if (wall_us - z->changes[i].offset_us < z->changes[i].from_us) {
            break;
        }
        offset_us = z->changes[i].offset_us;
    }
    return wall_us - offset_us;
}
