// SPDX-License-Identifier: ISC
// JSON merge patch (RFC 7386), on the documents as they were sent: members that the patch doesn't
// name keep their octets, so numbers and strings survive exactly.
#pragma once

#include "vault/base/buffer.h"
#include "vault/base/json.h"

// Objects of a patch inside one another.
enum { MERGE_PATCH_DEPTH = 32 };

// Writes `target` changed by `patch`. A JSON_NONE target is an absent document. Members keep the
// target's order, new ones follow in the patch's order. `scratch` holds look-up tables.
// INVALID when the patch is deeper than MERGE_PATCH_DEPTH; NOMEM, TOO_LARGE.
struct status merge_patch_apply(struct json_value target, struct json_value patch,
                                struct arena *scratch, struct buffer *out);
