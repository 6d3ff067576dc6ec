// SPDX-License-Identifier: ISC
#include "vault/identity/token_lifetime.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// CLOCK_NEVER for a periodic token without an explicit maximum.
static int64_t last_moment(const struct token_terms *terms, const struct token_limits *limits)
{
    int64_t most_s = terms->explicit_max_ttl_s;
    if (terms->period_s == 0) {
        most_s = most_s > 0 ? smaller(most_s, limits->max_ttl_s) : limits->max_ttl_s;
    }
    return most_s > 0 ? terms->created_us + most_s * CLOCK_SECOND : CLOCK_NEVER;
}

static int64_t wanted_s(const struct token_terms *terms, const struct token_limits *limits)
{
    if (terms->period_s > 0) {
        return terms->period_s;
    }
    return terms->ttl_s > 0 ? terms->ttl_s : limits->default_ttl_s;
}

struct status token_lifetime_grant(const struct token_terms *terms,
                                   const struct token_limits *limits, int64_t now_us,
                                   struct token_lifetime *out)
{
    int64_t last_us = last_moment(terms, limits);
    if (last_us <= now_us) {
        FAIL(INVALID, "past the max TTL, cannot renew");
    }
    int64_t asked_s = wanted_s(terms, limits);
    int64_t granted_s = smaller(asked_s, limits->max_ttl_s);
    int64_t expires_us = smaller(now_us + granted_s * CLOCK_SECOND, last_us);
    int64_t whole_s = (expires_us - now_us) / CLOCK_SECOND;
    *out = (struct token_lifetime){.ttl_s = whole_s > 0 ? whole_s : 1,
                                   .expires_us = expires_us,
                                   .capped = expires_us < now_us + asked_s * CLOCK_SECOND};
    return OK_STATUS;
}

struct status token_lifetime_renew(const struct token *t, int64_t increment_s,
                                   const struct token_limits *limits, int64_t now_us,
                                   struct token_lifetime *out)
{
    if (!t->renewable || t->expires_us == CLOCK_NEVER) {
        FAIL(INVALID, "lease is not renewable");
    }
    const struct token_terms terms = {.ttl_s = increment_s > 0 ? increment_s : t->ttl_s,
                                      .period_s = t->period_s,
                                      .explicit_max_ttl_s = t->explicit_max_ttl_s,
                                      .created_us = t->created_us};
    return token_lifetime_grant(&terms, limits, now_us, out);
}
