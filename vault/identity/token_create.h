// SPDX-License-Identifier: ISC
// Making a token: decides what it may be, makes the secret, stores the row.
#pragma once

#include "vault/core/operation.h"
#include "vault/identity/token_grant.h"

struct token_created {
    struct token token;    // text in the request's arena, or borrowed from it
    struct secret *secret; // the token itself; nobody can get it again
    struct token_grant_notes notes;
};
void token_created_done(struct token_created *c); // for CLEANUP

// Which path it is made at: create, create-orphan, or create/:role.
struct token_create_way {
    bool orphan;
    const struct token_role *role; // NULL for none
};

// After authentication and authorisation of op->path. INVALID for what may not be granted, and for
// a custom id that is taken.
struct status token_create(struct operation *op, const struct token_request *r,
                           const struct token_create_way *way, struct token_created *out);
