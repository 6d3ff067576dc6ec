// SPDX-License-Identifier: ISC
// What a mount says about all its secrets. Kept in the mount row's config, as the object "kv".
#pragma once

#include "vault/secrets/kv/kv.h"

enum {
    KV_DEFAULT_VERSIONS = 10, // kept when neither key nor mount says otherwise
    KV_NEVER_DELETE = -1      // delete_version_after_s of a mount: off for all its keys
};

struct kv_config {
    int64_t max_versions; // 0: KV_DEFAULT_VERSIONS
    bool cas_required;
    int64_t delete_version_after_s; // 0: the key's; KV_NEVER_DELETE
};

// INTEGRITY when the row holds something else; NOMEM.
struct status kv_config_read(const struct mount *mount, struct arena *arena, struct kv_config *out);
// Replaces it, in a change of the catalog. Everything else in the row's config stays.
struct status kv_config_write(struct operation *op, const struct kv_config *config);

// How many versions a key keeps: its own setting, else the mount's, else the default.
int64_t kv_config_versions(const struct kv_config *config, const struct kv_head *head);
// When a version written at `now_us` counts as deleted: after the shorter of the key's and the
// mount's time. CLOCK_NEVER when neither is set or the mount has it off.
int64_t kv_config_deletion_us(const struct kv_config *config, const struct kv_head *head,
                              int64_t now_us);
// Is a write without check-and-set refused?
bool kv_config_needs_cas(const struct kv_config *config, const struct kv_head *head);
