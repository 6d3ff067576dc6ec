// SPDX-License-Identifier: ISC
// Looking for records, newest first. Goes back in time in windows that grow, so that the newest
// ones are found without sorting everything: the open partition has no index but on time. Blocking.
#pragma once

#include "vault/audit/walk.h"
#include "vault/base/arena.h"

// Where a page ended: the next one begins behind it.
struct audit_cursor {
    int64_t time_us; // 0: from the newest on
    int64_t chain_id;
    int64_t seq;
};

enum { AUDIT_CURSOR_BYTES = 80 };
void audit_cursor_format(const struct audit_cursor *c, char out[AUDIT_CURSOR_BYTES]);
struct status audit_cursor_parse(struct str text, struct audit_cursor *out); // INVALID

struct audit_query {
    struct audit_filter filter;
    struct uuid request_id; // nil: all
    struct audit_cursor after;
    size_t limit;
};

struct audit_page {
    struct audit_record_item *records; // in the arena
    size_t count;
    bool more; // perhaps
};

// NOMEM, UNAVAILABLE; TIMEOUT when the filters let too little through: a narrower time helps.
struct status audit_query_run(struct session *s, const struct audit_query *q, struct arena *arena,
                              struct audit_page *out);

// The public keys, in order.
struct status audit_query_keys(struct session *s, struct arena *arena, struct audit_key_item **out,
                               size_t *out_count);
