// SPDX-License-Identifier: ISC
#include "vault/base/log_budget.h"

#include <string.h>

#include "vault/base/clock.h"

enum { COST_US = CLOCK_SECOND };

#define FULL_CREDIT_US ((int64_t)LOG_BUDGET_BURST * COST_US)

static struct log_budget_slot *find(struct log_budget *b, const char *event, int64_t now_us)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->slots[i].event == event || strcmp(b->slots[i].event, event) == 0) {
            return &b->slots[i];
        }
    }
    if (b->count == LOG_BUDGET_EVENTS) {
        return NULL;
    }
    struct log_budget_slot *added = &b->slots[b->count++];
    *added =
        (struct log_budget_slot){.event = event, .credit_us = FULL_CREDIT_US, .seen_us = now_us};
    return added;
}

static void earn(struct log_budget_slot *s, int64_t now_us)
{
    int64_t credit_us = s->credit_us + (now_us - s->seen_us);
    s->credit_us = credit_us < FULL_CREDIT_US ? credit_us : FULL_CREDIT_US;
    s->seen_us = now_us;
}

bool log_budget_take(struct log_budget *b, const char *event, int64_t now_us)
{
    struct log_budget_slot *s = find(b, event, now_us);
    if (s == NULL) {
        return true;
    }
    earn(s, now_us);
    if (s->credit_us >= COST_US) {
        s->credit_us -= COST_US;
        return true;
    }
    if (s->total == 0) {
        s->began_us = now_us;
        s->summed_us = now_us;
    }
    s->unsaid++;
    s->total++;
    s->last_us = now_us;
    b->suppressed++;
    return false;
}

static bool sum_up(struct log_budget_slot *s, int64_t now_us, struct log_budget_sum *out)
{
    if (s->total == 0) {
        return false;
    }
    bool ended = now_us - s->last_us >= (int64_t)LOG_BUDGET_QUIET_S * CLOCK_SECOND;
    bool due = s->unsaid > 0 && now_us - s->summed_us >= (int64_t)LOG_BUDGET_SUM_S * CLOCK_SECOND;
    if (!ended && !due) {
        return false;
    }
    *out = (struct log_budget_sum){.event = s->event,
                                   .lines = ended ? s->total : s->unsaid,
                                   .began_us = s->began_us,
                                   .last_us = s->last_us,
                                   .ended = ended};
    s->unsaid = 0;
    s->summed_us = now_us;
    s->total = ended ? 0 : s->total;
    return true;
}

bool log_budget_next_sum(struct log_budget *b, int64_t now_us, struct log_budget_sum *out)
{
    for (size_t i = 0; i < b->count; i++) {
        if (sum_up(&b->slots[i], now_us, out)) {
            return true;
        }
    }
    return false;
}
