// SPDX-License-Identifier: ISC
#pragma once

#include "vault/identity/token_find.h"
#include "vault/identity/token_lifetime.h"

// Lets a token that exists live longer; `increment_s` is what the client asks for, 0 for the usual.
// On success f->token is the row as it is now. NOT_FOUND when it was revoked meanwhile; INVALID
// when it can't be renewed.
struct status token_renew(struct operation *op, struct token_found *f, int64_t increment_s,
                          struct token_lifetime *out);
