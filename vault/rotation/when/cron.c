// SPDX-License-Identifier: ISC
#include "vault/rotation/when/cron.h"

#include "vault/base/macros.h"

enum { FIELD_COUNT = 5, NAME_LETTERS = 3, SUNDAY_TOO = 7 };
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

struct field {
    int64_t first;
    int64_t last;
    const char *names; // three letters each, the first one stands for `first`
};

static const struct field fields[FIELD_COUNT] = {
    [MINUTE] = {0, 59, ""},
    [HOUR] = {0, 23, ""},
    [DAY] = {1, 31, ""},
    [MONTH] = {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    [WEEKDAY] = {0, SUNDAY_TOO, "sunmontuewedthufrisat"},
};

static const struct {
    const char *name;
    const char *text;
} nicknames[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

static bool find_name(const struct field *f, struct str text, int64_t *out)
{
    struct str names = str_from_c(f->names);
    for (size_t at = 0; text.len == NAME_LETTERS && at < names.len; at += NAME_LETTERS) {
        if (str_equal_nocase(text, str_first(str_skip(names, at), NAME_LETTERS))) {
            *out = f->first + (int64_t)(at / NAME_LETTERS);
            return true;
        }
    }
    return false;
}

static bool is_number(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

static struct status read_value(const struct field *f, struct str text, int64_t *out)
{
    if (find_name(f, text, out)) {
        return OK_STATUS;
    }
    if (!is_number(text) || !status_ok(str_parse_int(text, out))) {
        FAIL(INVALID, "expected numbers, *, ranges (1-5), steps (*/15) and lists (1,15); months "
                      "and days of the week also as jan or mon");
    }
    if (*out < f->first || *out > f->last) {
        FAIL(INVALID, "a number is out of range: minutes 0-59, hours 0-23, days 1-31, months "
                      "1-12, days of the week 0-7");
    }
    return OK_STATUS;
}

static struct status read_range(const struct field *f, struct str text, int64_t *first,
                                int64_t *last)
{
    struct str from;
    struct str to;
    if (str_equal_c(text, "*")) {
        *first = f->first;
        *last = f->last;
        return OK_STATUS;
    }
    bool is_range = str_split(text, '-', &from, &to);
    TRY(read_value(f, from, first));
    *last = *first;
    if (is_range) {
        TRY(read_value(f, to, last));
    }
    if (*last < *first) {
        FAIL(INVALID, "a range ends before it begins: write it as two");
    }
    return OK_STATUS;
}

static struct status read_item(const struct field *f, struct str text, uint64_t *bits)
{
    struct str range;
    struct str step_text;
    int64_t first;
    int64_t last;
    int64_t step = 1;
    bool has_step = str_split(text, '/', &range, &step_text);
    TRY(read_range(f, range, &first, &last));
    if (has_step) {
        bool many = str_equal_c(range, "*") || last > first;
        if (!many || !is_number(step_text) || !status_ok(str_parse_int(step_text, &step)) ||
            step < 1 || step > f->last) {
            FAIL(INVALID, "a step is a number from 1 on behind * or a range, such as */15 or "
                          "8-18/2");
        }
    }
    for (int64_t value = first; value <= last; value += step) {
        *bits |= UINT64_C(1) << value;
    }
    return OK_STATUS;
}

static struct status read_field(const struct field *f, struct str text, uint64_t *bits)
{
    struct str item;
    struct str rest = text;
    bool more = true;
    *bits = 0;
    while (more) {
        more = str_split(rest, ',', &item, &rest);
        TRY(read_item(f, item, bits));
    }
    return OK_STATUS;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool take_field(struct str *rest, struct str *out)
{
    while (rest->len > 0 && is_blank(rest->ptr[0])) {
        *rest = str_skip(*rest, 1);
    }
    size_t len = 0;
    while (len < rest->len && !is_blank(rest->ptr[len])) {
        len++;
    }
    *out = str_first(*rest, len);
    *rest = str_skip(*rest, len);
    return len > 0;
}

static struct status expand(struct str text, struct str *out)
{
    *out = text;
    if (text.len == 0 || text.ptr[0] != '@') {
        return OK_STATUS;
    }
    for (size_t i = 0; i < ARRAY_LEN(nicknames); i++) {
        if (str_equal_nocase(text, str_from_c(nicknames[i].name))) {
            *out = str_from_c(nicknames[i].text);
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "expected @hourly, @daily, @weekly, @monthly or @yearly");
}

struct status cron_parse(struct str text, struct cron *out)
{
    struct str rest;
    struct str items[FIELD_COUNT];
    struct str more;
    uint64_t bits[FIELD_COUNT];
    if (text.len > CRON_TEXT_BYTES) {
        FAIL(INVALID, "longer than 256 octets");
    }
    TRY(expand(str_trim(text), &rest));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!take_field(&rest, &items[i])) {
            FAIL(INVALID, "expected five fields: minute, hour, day of the month, month, day of "
                          "the week");
        }
        TRY(read_field(&fields[i], items[i], &bits[i]));
    }
    if (take_field(&rest, &more)) {
        FAIL(INVALID, "expected five fields: minute, hour, day of the month, month, day of the "
                      "week");
    }
    uint64_t sunday = bits[WEEKDAY] >> SUNDAY_TOO & 1;
    *out = (struct cron){
        .minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .days = (uint32_t)bits[DAY],
        .months = (uint32_t)bits[MONTH],
        .weekdays = (uint32_t)((bits[WEEKDAY] | sunday) & ~(UINT64_C(1) << SUNDAY_TOO)),
        .either_day = items[DAY].ptr[0] != '*' && items[WEEKDAY].ptr[0] != '*',
    };
    return OK_STATUS;
}

static bool fits_day(const struct cron *c, int64_t day_number)
{
    struct calendar_date date = calendar_date_of(day_number);
    bool day = (c->days >> date.day & 1) != 0;
    bool weekday = (c->weekdays >> calendar_weekday(day_number) & 1) != 0;
    bool month = (c->months >> date.month & 1) != 0;
    return month && (c->either_day ? day || weekday : day && weekday);
}

// The first minute of a day at or after `minute`; CALENDAR_MINUTES_A_DAY: none.
static int64_t next_minute(const struct cron *c, int64_t minute)
{
    while (minute < CALENDAR_MINUTES_A_DAY) {
        if ((c->hours >> (minute / 60) & 1) == 0) {
            minute = (minute / 60 + 1) * 60;
        } else if ((c->minutes >> (minute % 60) & 1) == 0) {
            minute++;
        } else {
            break;
        }
    }
    return minute;
}

bool cron_next(const struct cron *c, int64_t from_us, int64_t until_us, int64_t *out)
{
    int64_t day = calendar_day_of(from_us);
    int64_t minute = (from_us - day * CALENDAR_DAY + CALENDAR_MINUTE - 1) / CALENDAR_MINUTE;
    for (; day * CALENDAR_DAY < until_us; day++, minute = 0) {
        if (!fits_day(c, day)) {
            continue;
        }
        int64_t found = next_minute(c, minute);
        if (found < CALENDAR_MINUTES_A_DAY) {
            *out = day * CALENDAR_DAY + found * CALENDAR_MINUTE;
            return *out < until_us;
        }
    }
    return false;
}
