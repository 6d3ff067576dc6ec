// SPDX-License-Identifier: ISC
// What lies in a folder. These run on sessions, after the caller was authorised.
#pragma once

#include "vault/secrets/kv/kv.h"

struct kv_page {
    struct str folder; // empty for the mount's root, else ends in a slash
    struct str after;  // an entry as listed; empty: from the beginning
    int64_t limit;     // entries at most; 0: all, up to LIMIT_LIST_ENTRIES
    bool recursive;    // every path below the folder instead of its own entries
};

// One text column: entries relative to the folder in order of their octets, sub-folders once, with
// their slash. Release with store_rows_done(). LIMIT when all are too many; UNAVAILABLE.
struct status kv_list(struct operation *op, const struct kv_page *page, struct store_rows *out);

// Heads and version states of some paths, both in order of path; paths without a secret are left
// out. In the rows, that `out` owns.
enum { KV_DETAILS_MAX = 10000 };
struct kv_details {
    struct store_rows heads;
    struct store_rows versions;
    // The walk: kv_details_next()
    int head_at;
    int version_at;
    struct kv_head head;
    struct kv_version *states; // of this head, in the operation's arena
    size_t state_count;
};
void kv_details_done(struct kv_details *d);
// `paths` is at most KV_DETAILS_MAX long (LIMIT).
struct status kv_details_load(struct operation *op, const struct str *paths, size_t count,
                              struct kv_details *out);
// Goes on to the next head. `*out_more` is false when there is none. INTEGRITY, NOMEM.
struct status kv_details_next(struct operation *op, struct kv_details *d, bool *out_more);
