// SPDX-License-Identifier: ISC
#pragma once

#include "vault/notify/delivery.h"
#include "vault/notify/notify.h"

struct notify {
    struct worker *worker;
    struct launcher *launcher;
    bool stopping;
    struct uuid busy[LIMIT_NOTIFY_RUNNING]; // notifiers that are being served here
    size_t running;
    int64_t remind_us;        // monotonic: when reminders are looked for
    struct fiber_event wake;  // a batch has ended
    struct fiber_event ended; // everything is over
};

bool notify_should_stop(const struct notify *n);

// Several deliveries of one notifier, one after the other.
struct batch_claims {
    struct delivery_claim items[DELIVERY_EACH_MAX];
    size_t count;
    int64_t lease_end_us; // monotonic
};
// True when there may be more of it at once.
bool batch_deliver(struct notify *n, const struct batch_claims *claims);

// Says what is coming and what is late, each once; then tidies up.
struct status remind_round(struct notify *n);
