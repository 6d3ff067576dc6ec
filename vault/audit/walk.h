// SPDX-License-Identifier: ISC
// Goes through the whole log in the database, in the order of item.h, as of one snapshot and with
// constant memory. Nothing that is found is judged here: also what belongs to no chain comes.
#pragma once

#include "vault/audit/item.h"
#include "vault/store/session.h"

struct audit_filter {
    int64_t from_us;        // of the record's time; 0: from the beginning
    int64_t to_us;          // before it; CLOCK_NEVER: to the end
    struct str actor;       // display name or accessor; empty: all
    struct str path_prefix; // empty: all
    struct str operation;   // empty: all
    int64_t result_from;    // HTTP status
    int64_t result_to;
};

// Everything.
#define AUDIT_FILTER_NONE ((struct audit_filter){.to_us = CLOCK_NEVER, .result_to = INT64_MAX})
// Does it pick records by more than their time? Then what is left can't be verified.
bool audit_filter_picks(const struct audit_filter *f);
bool audit_filter_bounds_time(const struct audit_filter *f);

// Blocking, in a transaction of its own. All of it, or what lies in the filter's time, of which
// each chain's part begins with the signature just before it. The sink must not use the session.
struct status audit_walk(struct session *s, const struct audit_filter *f, audit_item_sink *sink,
                         void *ctx);
// Only the records, by chain and number.
struct status audit_walk_records(struct session *s, const struct audit_filter *f,
                                 audit_item_sink *sink, void *ctx);
