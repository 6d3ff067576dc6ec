// SPDX-License-Identifier: ISC
// Revoking: rows are deleted, so every node refuses the token from its next batch on. Cubbyholes go
// with their tokens.
#pragma once

#include "vault/identity/token_find.h"

// The token and everything that descends from it. Fine when it is gone already.
struct status token_revoke(struct operation *op, const struct token *t);
// The token alone: its children live on as orphans. INTEGRITY, and nothing is changed, when the row
// of a child was altered.
struct status token_revoke_orphan(struct operation *op, const struct token *t);
