// SPDX-License-Identifier: ISC
#include "vault/identity/token_renew.h"

#include "vault/base/limits.h"
#include "vault/identity/token_limits.h"

static const struct store_statement renew_token = {
    "token.renew", "SELECT token_renew($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"};

// Optimistic: the MAC is made here, over a row that nobody may have changed since.
static struct status write(struct operation *op, const struct token *t)
{
    uint8_t mac[32];
    TRY(token_mac(op->worker->vault->keyring, t, mac));
    struct store_value values[] = {[OPERATION_GUARDS] = store_uuid(t->id),
                                   store_int(t->row_version - 1),
                                   store_time(t->expires_us),
                                   store_bytea(BYTES_OF(mac))};
    int64_t code = OPERATION_DONE;
    TRY(operation_write(op, &renew_token, values, ARRAY_LEN(values), &code));
    if (code != OPERATION_DONE) {
        FAIL(NOT_FOUND, "token not found");
    }
    return OK_STATUS;
}

// A role holds on: what it says now is what its tokens are renewed by, and none are without it.
static struct status apply_role(const struct operation *op, struct token *t)
{
    if (t->role.len == 0) {
        return OK_STATUS;
    }
    const struct token_role *role = catalog_role(op->catalog, t->role);
    if (role == NULL) {
        FAIL(INVALID, "original token role could not be found, not renewing");
    }
    int64_t most_s = role->explicit_max_ttl_s;
    t->period_s = role->period_s;
    if (most_s > 0 && (t->explicit_max_ttl_s == 0 || most_s < t->explicit_max_ttl_s)) {
        t->explicit_max_ttl_s = most_s;
    }
    return OK_STATUS;
}

static struct status plan(struct operation *op, const struct token_found *f, int64_t increment_s,
                          struct token_lifetime *out)
{
    struct token_limits limits = token_limits(op->worker->vault);
    struct token t = f->token;
    TRY(apply_role(op, &t));
    return token_lifetime_renew(&t, increment_s, &limits, op->snapshot.now_us, out);
}

static struct status apply(struct operation *op, struct token_found *f,
                           const struct token_lifetime *life)
{
    struct token renewed = f->token;
    renewed.expires_us = life->expires_us;
    renewed.row_version++;
    TRY(write(op, &renewed));
    f->token = renewed;
    return OK_STATUS;
}

struct status token_renew(struct operation *op, struct token_found *f, int64_t increment_s,
                          struct token_lifetime *out)
{
    struct token_lifetime life;
    TRY(plan(op, f, increment_s, &life));
    struct status s = apply(op, f, &life);
    for (int i = 0; i < LIMIT_WRITE_RETRIES && s.code == STATUS_CONFLICT; i++) {
        TRY(token_reload(op, f));
        if (!f->exists) {
            FAIL(NOT_FOUND, "token not found");
        }
        TRY(plan(op, f, increment_s, &life));
        // Whoever was faster granted as much: as if ours had come just before.
        s = f->token.expires_us >= life.expires_us ? OK_STATUS : apply(op, f, &life);
    }
    TRY(s);
    *out = life;
    return OK_STATUS;
}
