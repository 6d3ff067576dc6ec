// SPDX-License-Identifier: ISC
// The shape of a secret without its values.
#pragma once

#include "vault/base/json.h"
#include "vault/base/json_writer.h"

// Writes the object with null in the place of everything that isn't an object with members; below
// `depth` levels (0: all) objects count as values too. Doesn't recurse. NOMEM.
struct status kv_subkeys_write(struct json_value object, int64_t depth, struct arena *arena,
                               struct json_writer *w);
