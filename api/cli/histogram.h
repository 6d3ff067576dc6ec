// SPDX-License-Identifier: ISC
// Counts of durations, from which percentiles can be read: exact below 64 microseconds, within two
// per cent above, in constant memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    CLI_HISTOGRAM_STEPS = 32, // for each doubling
    CLI_HISTOGRAM_DOUBLINGS = 36,
    CLI_HISTOGRAM_CELLS = CLI_HISTOGRAM_STEPS * (CLI_HISTOGRAM_DOUBLINGS + 2),
};

struct cli_histogram { // zeroed: empty
    uint64_t cells[CLI_HISTOGRAM_CELLS];
    uint64_t count;
    int64_t longest_us;
};

void cli_histogram_add(struct cli_histogram *h, int64_t duration_us);
// Adds all that `other` counted.
void cli_histogram_merge(struct cli_histogram *h, const struct cli_histogram *other);
// The duration that `percent` of 100 don't exceed; 0 when nothing was counted.
int64_t cli_histogram_percentile(const struct cli_histogram *h, unsigned percent);
