// SPDX-License-Identifier: ISC
// Changing what a path holds. Each of these goes on from a submitted load and an authenticated
// operation, checks what the caller may do with the path as it is, makes one statement of the
// change, and starts over from a fresh load when another writer came first.
#pragma once

#include "vault/secrets/kv/kv_config.h"
#include "vault/secrets/kv/kv_load.h"

struct kv_put {
    struct kv_config config;
    bool has_cas;
    int64_t cas; // the version that must be current; 0: none yet
    struct json_value data;
    bool patch; // `data` is a merge patch (RFC 7386) to the current version's value
    // What came of it
    bool gone;               // a patch met a deleted or destroyed version, which `secret` tells
    struct kv_secret secret; // as written, but for the ciphertext
};

// Load with KV_NO_VERSION to put, with KV_CURRENT to patch. INVALID when the check-and-set
// parameter is missing or differs; NOT_FOUND for a patch of nothing; DENIED, UNAVAILABLE, NOMEM,
// TOO_LARGE.
struct status kv_put(struct operation *op, struct kv_load *load, struct kv_put *put);

// The settings of a path.
enum kv_setting {
    KV_SET_MAX_VERSIONS = 1 << 0,
    KV_SET_CAS_REQUIRED = 1 << 1,
    KV_SET_DELETE_AFTER = 1 << 2,
    KV_SET_CUSTOM = 1 << 3,
    KV_SET_OWNER = 1 << 4,
    KV_SET_EXPIRES = 1 << 5,
    KV_SET_DESCRIPTION = 1 << 6,
};

struct kv_settings {
    uint32_t given; // the sum of those that change
    int64_t max_versions;
    bool cas_required;
    int64_t delete_version_after_s;
    struct json_value custom; // an object; JSON_NONE: no custom metadata
    struct str owner;
    int64_t expires_us;
    struct str description;
    bool patch; // the path must exist; `custom` is a merge patch
};

// Load with KV_NO_VERSION. INVALID, NOT_FOUND for a patch of nothing; as above.
struct status kv_set(struct operation *op, struct kv_load *load,
                     const struct kv_settings *settings);

// Removes a path with all its versions; nothing there is fine. Load with KV_NO_VERSION.
struct status kv_remove(struct operation *op, struct kv_load *load);

enum kv_version_change { KV_DELETE, KV_UNDELETE, KV_DESTROY };

struct kv_versions {
    enum kv_version_change change;
    enum policy_operation operation; // what the caller must be allowed
    bool latest;                     // the current version, instead of:
    const int64_t *numbers;
    size_t count;
};

// All of them at once. Numbers that don't exist and versions that are in that state already are
// passed over. Load with KV_NO_VERSION.
struct status kv_change(struct operation *op, struct kv_load *load,
                        const struct kv_versions *versions);
