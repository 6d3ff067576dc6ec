// SPDX-License-Identifier: ISC
#include "vault/identity/token_find.h"

#include <string.h>

#include "vault/base/limits.h"

static const struct batch_load load_by_accessor = {
    .statement = {"token.load_by_accessor",
                  "SELECT q.n, " TOKEN_COLUMNS " FROM unnest($1) WITH ORDINALITY AS q(accessor, n) "
                  "JOIN token t ON t.accessor = q.accessor "
                  "WHERE t.expires_at > clock_timestamp() ORDER BY q.n"},
    .key_count = 1,
    .key_types = {STORE_TEXT},
};

void token_found_done(struct token_found *f)
{
    batch_op_done(&f->load);
    f->load.rows = (struct store_rows){0};
}

// The load must be waited for, whatever happens to the caller meanwhile: it lives in `f`.
static struct status submit(struct operation *op, const struct token_target *target,
                            struct token_found *f)
{
    struct batch *batch = op->worker->batch;
    if (batch == NULL) {
        FAIL(SEALED, "the vault is sealed");
    }
    if (target->accessor.len > 0) {
        f->key = store_text(target->accessor);
        batch_load(batch, &load_by_accessor, &f->key, &f->load);
        return OK_STATUS;
    }
    TRY(index_hash_token(op->worker->vault->keyring, target->token, f->hash));
    f->key = store_bytea(BYTES_OF(f->hash));
    batch_load(batch, &token_load_by_hash, &f->key, &f->load);
    return OK_STATUS;
}

static struct status take(struct operation *op, struct token_found *f)
{
    f->exists = false;
    if (f->load.rows.count != 1) {
        return OK_STATUS;
    }
    TRY(token_read(op->worker->vault->keyring, &f->load.rows, 0, 1, op->arena, &f->token));
    bool spent = f->token.num_uses > 0 && f->token.uses_left <= 0;
    // Tokens of other namespaces don't exist here (CVE-2026-40264).
    f->exists = !spent && f->token.namespace_id == op->namespace_id;
    return OK_STATUS;
}

// Accessors come from clients and go to the database as text.
static bool is_possible(const struct token_target *target)
{
    return target->accessor.len <= LIMIT_NAME_BYTES && str_is_text(target->accessor);
}

struct status token_enter(struct operation *op, enum policy_operation operation,
                          const struct token_target *target, struct token_found *out)
{
    *out = (struct token_found){0};
    if (!is_possible(target)) {
        return operation_enter(op, operation);
    }
    TRY(submit(op, target, out));
    struct status entered = operation_enter(op, operation);
    struct status loaded = batch_wait(&out->load);
    TRY(entered);
    TRY(loaded);
    return take(op, out);
}

struct status token_reload(struct operation *op, struct token_found *f)
{
    memcpy(f->hash, f->token.hash.ptr, sizeof f->hash);
    token_found_done(f);
    f->key = store_bytea(BYTES_OF(f->hash));
    batch_load(op->worker->batch, &token_load_by_hash, &f->key, &f->load);
    TRY(batch_wait(&f->load));
    return take(op, f);
}
