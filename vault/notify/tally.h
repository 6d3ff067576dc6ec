// SPDX-License-Identifier: ISC
// Figures of notices: what this node did since its start, and how all of them stand.
#pragma once

#include "vault/core/operation.h"
#include "vault/notify/wire.h"

// An attempt to deliver; `parked`: the delivery was set aside. Any thread.
void notify_tally(enum wire_outcome outcome, bool parked);

struct notify_tally_done {
    int64_t outcomes[WIRE_OUTCOME_COUNT];
    int64_t parked;
};
struct notify_tally_done notify_tally_done(void); // any thread

struct notify_tally {
    int64_t waiting;
    int64_t parked;
    int64_t oldest_s; // how long the oldest that waits has waited
    int64_t disabled; // notifiers
    int64_t unowned;  // credentials whose owner nothing reaches
};
// Of all mounts; blocking.
struct status notify_tally_read(struct session *s, struct notify_tally *out);

// Of one mount. Notifiers: name, type, enabled, failures, waiting, parked. Unowned: credential,
// owner; the first NOTIFY_UNOWNED_MAX, beside their count.
struct notify_status {
    struct store_rows notifiers;
    struct store_rows unowned;
    int64_t unowned_count;
    int64_t expiring; // within 30 days
    int64_t expired;
};
enum { NOTIFY_UNOWNED_MAX = 100 };
void notify_status_done(struct notify_status *s); // for CLEANUP
struct status notify_status_read(struct operation *op, struct notify_status *out);
