// SPDX-License-Identifier: ISC
// How many tokens there are. Blocking.
#pragma once

#include "vault/store/session.h"

// Exact while the table is small; beyond 16 MiB PostgreSQL's own estimate, so that a million tokens
// cost no more to count than ten.
struct status token_count(struct session *s, int64_t *out);
