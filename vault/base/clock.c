// SPDX-License-Identifier: ISC
#include "vault/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FIRST_YEAR = 1900 }; // of struct tm

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

void clock_format(int64_t wall_us, char out[CLOCK_TEXT_BYTES])
{
    int64_t seconds = wall_us / CLOCK_SECOND;
    int64_t fraction = wall_us % CLOCK_SECOND;
    if (fraction < 0) {
        fraction += CLOCK_SECOND;
        seconds--;
    }
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    // strftime() gives the year 999 three digits.
    size_t len = (size_t)snprintf(out, CLOCK_TEXT_BYTES, "%04d", tm.tm_year + FIRST_YEAR);
    len += strftime(out + len, CLOCK_TEXT_BYTES - len, "-%m-%dT%H:%M:%S", &tm);
    if (fraction != 0) {
        len += (size_t)snprintf(out + len, CLOCK_TEXT_BYTES - len, ".%06d", (int)fraction);
        while (out[len - 1] == '0') {
            len--;
        }
    }
    out[len++] = 'Z';
    out[len] = '\0';
}

// Reads exactly `digits` digits at the front and drops them.
static bool take_number(struct str *s, size_t digits, int *out)
{
    int value = 0;
    if (s->len < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_skip(*s, digits);
    *out = value;
    return true;
}

static bool take_char(struct str *s, char expected)
{
    if (s->len == 0 || !str_equal_nocase(str_first(*s, 1), (struct str){&expected, 1})) {
        return false;
    }
    *s = str_skip(*s, 1);
    return true;
}

static bool take_date_time(struct str *s, struct tm *tm)
{
    return take_number(s, 4, &tm->tm_year) && take_char(s, '-') && take_number(s, 2, &tm->tm_mon) &&
           take_char(s, '-') && take_number(s, 2, &tm->tm_mday) && take_char(s, 'T') &&
           take_number(s, 2, &tm->tm_hour) && take_char(s, ':') && take_number(s, 2, &tm->tm_min) &&
           take_char(s, ':') && take_number(s, 2, &tm->tm_sec);
}

static bool take_fraction(struct str *s, int64_t *micros)
{
    *micros = 0;
    if (!take_char(s, '.')) {
        return true;
    }
    int64_t scale = CLOCK_SECOND / 10;
    size_t digits = 0;
    int digit;
    while (take_number(s, 1, &digit)) {
        *micros += digit * scale;
        scale /= 10;
        digits++;
    }
    return digits > 0 && digits <= 9;
}

static bool take_offset(struct str *s, int64_t *seconds)
{
    *seconds = 0;
    if (take_char(s, 'Z')) {
        return true;
    }
    bool negative = s->len > 0 && s->ptr[0] == '-';
    int hours;
    int minutes;
    if (!(take_char(s, '-') || take_char(s, '+')) || !take_number(s, 2, &hours) ||
        !take_char(s, ':') || !take_number(s, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *seconds = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

// Second 60 is a leap second: timegm() takes it for the first of the next minute.
static bool in_range(const struct tm *tm)
{
    return tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days_of(tm->tm_year, tm->tm_mon) && tm->tm_hour <= 23 &&
           tm->tm_min <= 59 && tm->tm_sec <= 60;
}

struct status clock_parse(struct str text, int64_t *out)
{
    struct tm tm = {0};
    int64_t micros;
    int64_t offset;
    if (!take_date_time(&text, &tm) || !take_fraction(&text, &micros) ||
        !take_offset(&text, &offset) || text.len != 0 || !in_range(&tm)) {
        FAIL(INVALID, "expected an RFC 3339 time such as 2026-11-23T05:00:00Z");
    }
    tm.tm_year -= FIRST_YEAR;
    tm.tm_mon -= 1;
    *out = (timegm(&tm) - offset) * CLOCK_SECOND + micros;
    return OK_STATUS;
}
