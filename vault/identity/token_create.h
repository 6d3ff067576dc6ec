// SPDX-License-Identifier: ISC
// Making a token: decides what it may be, makes the secret, stores the row.
#pragma once

#include "vault/core/operation.h"
#include "vault/identity/token_request.h"

struct token_created {
    struct token token;    // text in the request's arena, or borrowed from it
    struct secret *secret; // the token itself; nobody can get it again
    bool capped;           // it lives shorter than was asked for
};
void token_created_done(struct token_created *c); // for CLEANUP

// After authentication and authorisation of op->path. INVALID for what may not be granted, and for
// a custom id that is taken.
struct status token_create(struct operation *op, const struct token_request *r, bool orphan,
                           struct token_created *out);
