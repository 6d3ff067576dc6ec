// SPDX-License-Identifier: ISC
// What a caller may give a new token: never more than the caller has, unless the caller has sudo on
// the path or makes it against a role, which then says what (token_role_grant.h); root only from
// root. Decides, and changes nothing.
#pragma once

#include "vault/core/token_role.h"
#include "vault/identity/token_lifetime.h"
#include "vault/identity/token_request.h"

struct token_grant_input {
    const struct token *caller;
    const struct token_role *role; // NULL for none
    bool sudo;                     // the caller has it on the path; root has it everywhere
    bool orphan;                   // the path makes orphans
    struct str path;
    struct token_limits limits;
    int64_t now_us; // the database's clock
    struct arena *arena;
};

// What the caller should be told.
struct token_grant_notes {
    bool capped;                  // it lives shorter than was asked for
    bool lesser_explicit_max_ttl; // asked for and in the role: the lesser one holds
    bool lesser_period;
};

// Fills in everything but id, hash and accessor. Text is borrowed from the input or in the arena.
// INVALID for what may not be granted: clients know all of these as bad requests; NOMEM.
struct status token_grant(const struct token_grant_input *in, const struct token_request *r,
                          struct token *out, struct token_grant_notes *out_notes);
