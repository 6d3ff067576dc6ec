// SPDX-License-Identifier: ISC
// The vault's own limits on the life of tokens.
#pragma once

#include "vault/core/vault.h"
#include "vault/identity/token_lifetime.h"

static inline struct token_limits token_limits(const struct vault *v)
{
    return (struct token_limits){.default_ttl_s = v->default_lease_ttl_s,
                                 .max_ttl_s = v->max_lease_ttl_s};
}
