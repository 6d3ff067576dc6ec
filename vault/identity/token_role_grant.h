// SPDX-License-Identifier: ISC
// What a role makes of a new token. A role that names policies decides in place of the caller's own
// which ones may be asked for: that is what it is there for, and why writing one takes a policy of
// its own. It never gives root to who isn't root (token_grant.h).
#pragma once

#include "vault/identity/policy_set.h"
#include "vault/identity/token_grant.h"

#define DEFAULT_POLICY STR("default")

// Does the role say anything about policies?
bool token_role_decides(const struct token_role *role);

// Those asked for, as far as in->role allows all of them; the allowed ones when none was asked for,
// and the caller's when only others are disallowed. INVALID, NOMEM.
struct status token_role_policies(const struct token_grant_input *in, const struct token_request *r,
                                  struct policy_set *out);

// Tightens what was asked for to the terms of in->role. NOMEM.
struct status token_role_terms(const struct token_grant_input *in, struct token *t,
                               struct token_grant_notes *notes);
