// SPDX-License-Identifier: ISC
// Key-value secrets with versions: what the rows hold. A head is one path of one mount with its
// settings; each of its versions holds one value, sealed. Both carry a MAC that is checked whenever
// they are loaded.
#pragma once

#include "vault/base/json.h"
#include "vault/core/operation.h"
#include "vault/core/reseal.h"

struct kv_head {
    struct uuid id;
    int64_t namespace_id;
    struct uuid mount;
    struct str path;         // below the mount's data/
    int64_t current_version; // 0: it has metadata only
    int64_t oldest_version;  // 0 until the first version was dropped
    int64_t max_versions;    // 0: the mount's
    bool cas_required;
    int64_t delete_version_after_s; // 0: the mount's
    struct str custom_metadata;     // JSON object of strings; empty when there is none
    struct str owner;
    int64_t expires_us; // what the owner is told; reading isn't affected. CLOCK_NEVER
    struct str description;
    int64_t created_us;
    int64_t updated_us;
    int64_t row_version;
};

struct kv_version {
    int64_t version;
    struct bytes ciphertext; // empty when it wasn't asked for
    int64_t key_epoch;
    int64_t created_us;
    int64_t deleted_us; // deleted from then on; CLOCK_NEVER
    bool destroyed;
    int64_t row_version;
};

// One path as loaded; text and ciphertext are borrowed from the load.
struct kv_secret {
    bool exists;
    bool has_version; // the one that was asked for
    struct kv_head head;
    struct kv_version version;
    int64_t now_us; // the database's clock when it was loaded
};

// The value can be read: neither deleted nor destroyed.
bool kv_version_lives(const struct kv_version *v, int64_t now_us);

// The value as it was written, in the operation's arena. INTEGRITY, UNAVAILABLE, NOMEM.
struct status kv_open_value(const struct operation *op, const struct kv_secret *secret,
                            struct str *out);

extern const struct reseal_table kv_reseal_table;
