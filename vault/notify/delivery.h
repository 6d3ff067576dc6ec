// SPDX-License-Identifier: ISC
// Deliveries: one notice on its way to one notifier. Rows of rotation_delivery.
//
// Invariants
//   1. Of one notifier and credential only the oldest that waits can be claimed: order is kept.
//   2. Who has claimed one holds a fence; whoever comes late changes nothing.
//   3. It stays waiting until its receiver has said yes, or it is set aside where people see it:
//      at least once, never silently not at all.
#pragma once

#include "vault/notify/notifier.h"
#include "vault/notify/wire.h"
#include "vault/store/store.h"

enum {
    DELIVERY_CLAIMS_MAX = 64, // in one round
    DELIVERY_EACH_MAX = 16,   // of one notifier
    DELIVERY_LEASE_S = 60,
    DELIVERY_TIMEOUT_S = 10, // of one
    DELIVERY_AGE_S = 3 * 86400,
    DELIVERY_KEPT_S = 8 * 86400,
    DELIVERY_REPLAY_MAX = 100000,
};

struct delivery_claim {
    struct uuid notifier;
    struct uuid notice;
    int64_t fence;
};

// One transaction: new notices become deliveries, ready deliveries are claimed, those of one
// notifier stand together. Not of the notifiers in `busy`.
struct delivery_round {
    struct str node;
    struct store_value busy[LIMIT_NOTIFY_RUNNING]; // ids
    size_t busy_count;
    struct delivery_claim claims[DELIVERY_CLAIMS_MAX];
    size_t count;
};
struct status delivery_round(struct store *st, struct delivery_round *round);

// How one ended: delivered, set aside (REFUSED, or too old), or tried again later. Counts it, holds
// up or disables the notifier when it wasn't there.
struct delivery_end {
    const struct delivery_claim *claim;
    const struct wire_result *result;
    int64_t failures; // of the notifier, in a row
};
struct status delivery_finish(struct store *st, const struct keyring *k,
                              const struct delivery_end *end);
// Claimed and not sent.
struct status delivery_release(struct store *st, const struct delivery_claim *claim);

// From time to time: sets aside what waits for too long, removes what is old.
struct status delivery_prune(struct session *s);

// Newest last: seq, notice id, credential, event, version, state, tries, status, error, time of the
// notice, next try, done. `after`: a seq; `state`: empty for any.
struct delivery_page {
    struct str state;
    int64_t after;
    int64_t limit;
};
struct status delivery_list(struct operation *op, const struct notifier *n,
                            const struct delivery_page *page, struct store_rows *out);

// Sends again what the notifier wants of these notices. LIMIT when they are too many.
struct delivery_replay {
    int64_t from_us;
    int64_t to_us;
    struct str credential; // empty: any
    bool parked_only;
};
struct status delivery_replay(struct operation *op, const struct notifier *n,
                              const struct delivery_replay *which, int64_t *out_count);
