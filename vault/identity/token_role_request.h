// SPDX-License-Identifier: ISC
// The parameters of auth/token/roles/:name, as the client sent them.
#pragma once

#include "vault/core/token_role.h"

// A role nobody has said anything about yet. INVALID for a name that isn't one.
struct status token_role_new(int64_t namespace_id, struct str name, struct token_role *out);

// Changes what the request names and keeps the rest. Text is borrowed from `body` or in the arena.
// INVALID, then `*out_field` is the literal name of the parameter; NOMEM. On failure `role` holds
// nothing of use.
struct status token_role_read(struct json_value body, struct arena *arena, struct token_role *role,
                              const char **out_field);
