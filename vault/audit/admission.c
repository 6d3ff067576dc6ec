// SPDX-License-Identifier: ISC
// Which failures are recorded one by one, and the records that sum up the others.
#include <stdio.h>

#include "vault/audit/log_internal.h"
#include "vault/base/clock.h"
#include "vault/base/log.h"

enum { DETAIL_BYTES = 64 };

static const int64_t summary_us = 60 * (int64_t)CLOCK_SECOND;

static struct status append_sum(struct audit_log *log, const struct audit_budget_sum *sum)
{
    char detail[DETAIL_BYTES];
    snprintf(detail, sizeof detail, "{\"not_recorded_one_by_one\":%lld}", (long long)sum->count);
    const struct audit_entry entry = {.request_id = uuid_new(),
                                      .namespace_id = 1,
                                      .actor = STR("system"),
                                      .remote = str_from_c(sum->network),
                                      .operation = STR("summary"),
                                      .result = 403,
                                      .detail = str_from_c(detail)};
    return audit_append(log, &entry);
}

static void append_sums(struct audit_log *log)
{
    struct audit_budget_sum sum;
    while (audit_budget_drain(log->budget, &sum)) {
        struct status s = append_sum(log, &sum);
        if (!status_ok(s)) {
            log_repeated(LOG_ERROR, "audit.summary_lost",
                         LOG_STR("network", str_from_c(sum.network)),
                         LOG_INT("failures", sum.count), LOG_STATUS(s));
        }
    }
}

// Lives for one summary.
static void summary_fiber(void *arg)
{
    struct audit_log *log = arg;
    // A timeout is the usual way; being woken means that the log is to be closed.
    status_ignore(fiber_wait(&log->summary_wake, clock_monotonic_us() + summary_us));
    append_sums(log);
    log->summary_running = false;
    fiber_signal(&log->summary_ended);
}

bool audit_log_admit(struct audit_log *log, struct str remote)
{
    log->stats.failures++;
    if (audit_budget_take(log->budget, remote, clock_monotonic_us())) {
        return true;
    }
    log->stats.summed++;
    if (!log->summary_running) {
        log->summary_wake = (struct fiber_event){0};
        log->summary_ended = (struct fiber_event){0};
        log->summary_running = status_ok(fiber_start(log->options.loop, summary_fiber, log));
    }
    return false;
}

void audit_admission_end(struct audit_log *log)
{
    if (log->summary_running) {
        fiber_signal(&log->summary_wake);
        status_ignore(fiber_wait(&log->summary_ended, CLOCK_NEVER)); // can't time out
    }
}
