// SPDX-License-Identifier: ISC
// How long a token lives, and how far a renewal reaches. Pure arithmetic on the database's clock.
//
// The last moment of a token is when it was made plus the shorter of its explicit maximum and the
// vault's; a periodic token knows only its explicit maximum, and may live for ever in steps of its
// period. Nothing is ever granted beyond that moment, and what is granted always ends: rounding
// down to nothing must not mean "never" (CVE-2021-32923).
#pragma once

#include "vault/core/token.h"

// Longest duration that a request may name; keeps every sum of times within int64_t.
#define TOKEN_DURATION_MAX_S (INT64_C(100) * 366 * 24 * 3600)

struct token_limits {
    int64_t default_ttl_s;
    int64_t max_ttl_s;
};

// Durations are 0 when not asked for.
struct token_terms {
    int64_t ttl_s; // asked for; ignored when periodic
    int64_t period_s;
    int64_t explicit_max_ttl_s;
    int64_t created_us;
};

struct token_lifetime {
    int64_t ttl_s; // whole seconds, at least 1
    int64_t expires_us;
    bool capped; // less than was asked for
};

// INVALID when the last moment has passed.
struct status token_lifetime_grant(const struct token_terms *terms,
                                   const struct token_limits *limits, int64_t now_us,
                                   struct token_lifetime *out);

// `increment_s` 0 renews by what was granted at first. INVALID when the token can't be renewed or
// its last moment has passed.
struct status token_lifetime_renew(const struct token *t, int64_t increment_s,
                                   const struct token_limits *limits, int64_t now_us,
                                   struct token_lifetime *out);
