// SPDX-License-Identifier: ISC
// Where something may be mounted. Mounts never nest, so that the mount of a path is one look-up and
// a policy for one mount says nothing about another.
#pragma once

#include "vault/core/catalog.h"

// Brings a path as sent into the form in which mounts are stored: one slash at the end. INVALID
// when it is longer than LIMIT_MOUNT_PATH_BYTES, or holds what means something else in a policy: a
// star, or a plus sign as a whole segment. NOMEM. (Empty and dot segments don't get past the HTTP
// server.)
struct status sys_mounts_path_read(struct str sent, struct arena *arena, struct str *out);

// "a/b/tune" and "a/b/tune/": cuts that off and says so. "tune" alone is a path like any other.
bool sys_mounts_path_cut_tune(struct str *path);

// Belongs to the vault itself: nothing is mounted, tuned or removed there. `path` as read.
bool sys_mounts_path_is_reserved(struct str path);

// The mount at exactly this path; NULL for none.
const struct mount *sys_mounts_path_find(const struct catalog *c, struct str path);
// A mount that is at, above or below this path; NULL for none.
const struct mount *sys_mounts_path_in_use(const struct catalog *c, struct str path);
