// SPDX-License-Identifier: ISC
// Fast look-up of many keys in one large object: json_get() is linear, so asking it for each of n
// keys is quadratic in what a client sends.
#pragma once

#include "vault/base/json.h"

struct json_member {
    struct str key;
    struct json_value value;
};

struct json_index {
    const struct json_member *members; // sorted by key, in the arena
    size_t count;
};

// The index of anything but an object is empty. NOMEM.
struct status json_index_build(struct json_value object, struct arena *arena,
                               struct json_index *out);
struct json_value json_index_get(const struct json_index *index, struct str key);
