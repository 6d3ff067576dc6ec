// SPDX-License-Identifier: ISC
// Finding secrets by what is known of them. Runs on sessions; the caller filters what it finds by
// what the token may read.
#pragma once

#include "vault/secrets/kv/kv.h"

// Every condition that is given must hold.
struct kv_query {
    struct str prefix;         // of the path; empty: any
    struct str owner;          // exactly; empty: any
    struct str key;            // the path's last segment, exactly; empty: any
    int64_t expires_before_us; // CLOCK_NEVER: whether it expires doesn't matter
    struct str after;          // only paths beyond this one
    int64_t limit;
};

// Heads in order of path, at most `query->limit`, into `heads`, which has room for them. They are
// borrowed from `rows`: release it with store_rows_done(), its count says how many there are.
// UNAVAILABLE, INTEGRITY.
struct status kv_search(struct operation *op, const struct kv_query *query, struct kv_head *heads,
                        struct store_rows *rows);
