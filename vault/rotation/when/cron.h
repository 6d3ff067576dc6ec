// SPDX-License-Identifier: ISC
// Schedules in five fields as crontab(5) has them: minute, hour, day of the month, month, day of
// the week. Names of months and days, ranges, steps, lists; @hourly, @daily (@midnight), @weekly,
// @monthly, @yearly (@annually). Where both kinds of day are restricted, either is enough; where
// one of the two fields begins with *, both must fit (Vixie's rule).
#pragma once

#include "vault/rotation/when/calendar.h"

enum { CRON_TEXT_BYTES = 256 };

struct cron {
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;     // bits 1 to 31
    uint32_t months;   // bits 1 to 12
    uint32_t weekdays; // bit 0: Sunday
    bool either_day;
};

// INVALID with what is wrong.
struct status cron_parse(struct str text, struct cron *out);
// The first wall time at or after `from_us` that fits; false when there is none before `until_us`.
bool cron_next(const struct cron *c, int64_t from_us, int64_t until_us, int64_t *out);
