// SPDX-License-Identifier: ISC
#include "api/cli/histogram.h"

// The first two rows of cells count single microseconds. From there on each doubling has as many
// cells as the one before, each twice as wide.
static size_t cell_of(int64_t duration_us)
{
    uint64_t value = duration_us < 0 ? 0 : (uint64_t)duration_us;
    unsigned doublings = 0;
    while (value >= (uint64_t)2 * CLI_HISTOGRAM_STEPS) {
        value /= 2;
        doublings++;
    }
    size_t cell = (size_t)doublings * CLI_HISTOGRAM_STEPS + (size_t)value;
    return cell < CLI_HISTOGRAM_CELLS ? cell : CLI_HISTOGRAM_CELLS - 1;
}

// The middle of what the cell stands for.
static int64_t duration_of(size_t cell)
{
    if (cell < (size_t)2 * CLI_HISTOGRAM_STEPS) {
        return (int64_t)cell;
    }
    unsigned doublings = (unsigned)(cell / CLI_HISTOGRAM_STEPS) - 1;
    int64_t value = (int64_t)(cell % CLI_HISTOGRAM_STEPS) + CLI_HISTOGRAM_STEPS;
    int64_t width = INT64_C(1) << doublings;
    return value * width + width / 2;
}

void cli_histogram_add(struct cli_histogram *h, int64_t duration_us)
{
    h->cells[cell_of(duration_us)]++;
    h->count++;
    if (duration_us > h->longest_us) {
        h->longest_us = duration_us;
    }
}

void cli_histogram_merge(struct cli_histogram *h, const struct cli_histogram *other)
{
    for (size_t i = 0; i < CLI_HISTOGRAM_CELLS; i++) {
        h->cells[i] += other->cells[i];
    }
    h->count += other->count;
    if (other->longest_us > h->longest_us) {
        h->longest_us = other->longest_us;
    }
}

int64_t cli_histogram_percentile(const struct cli_histogram *h, unsigned percent)
{
    uint64_t wanted = (h->count * percent + 99) / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < CLI_HISTOGRAM_CELLS && wanted > 0; i++) {
        seen += h->cells[i];
        if (seen >= wanted) {
            int64_t duration_us = duration_of(i);
            return duration_us < h->longest_us ? duration_us : h->longest_us;
        }
    }
    return 0;
}
