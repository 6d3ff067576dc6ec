// SPDX-License-Identifier: ISC
// Time is int64_t microseconds. Wall time is UTC since 1970 and, wherever it decides anything,
// comes from the database; the local wall clock serves the log only. Deadlines use the monotonic
// clock.
#pragma once

#include "vault/base/bytes.h"

enum { CLOCK_SECOND = 1000000 };
#define CLOCK_NEVER INT64_MAX

int64_t clock_monotonic_us(void);
int64_t clock_wall_us(void);

// RFC 3339 in UTC, e.g. 2026-11-23T05:52:56.123456Z; trailing zeros of the fraction are dropped.
enum { CLOCK_TEXT_BYTES = 32 };
void clock_format(int64_t wall_us, char out[CLOCK_TEXT_BYTES]);
// Accepts any offset. INVALID with what was expected.
struct status clock_parse(struct str text, int64_t *out);
