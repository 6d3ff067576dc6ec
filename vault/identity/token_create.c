// SPDX-License-Identifier: ISC
#include "vault/identity/token_create.h"

#include <string.h>

#include "vault/crypto/index_hash.h"
#include "vault/crypto/password.h"
#include "vault/identity/token_limits.h"

enum {
    TOKEN_CHARACTERS = 24, // of base 62: 143 bits
    ACCESSOR_CHARACTERS = 24,
};

static const struct store_statement create_token = {
    "token.create",
    "SELECT token_create($1, $2, $3, $4, $5, $6, $7, $8, $9, ROW($10::uuid, $11::int8, "
    "$12::bytea, $13::text, $14::uuid, $15::text, $16::text[], $17::text, $18::text, $19::text, "
    "$20::text, $21::text[], $22::boolean, $23::boolean, $24::timestamptz, $25::int8, $26::int8, "
    "$27::int8, $28::timestamptz, $29::int8, $30::int8, $31::bytea, $32::int8, NULL)::token)"};

void token_created_done(struct token_created *c)
{
    secret_free(c->secret);
    *c = (struct token_created){0};
}

static struct status make_secret(struct str id, struct secret **out)
{
    return id.len > 0 ? secret_copy(bytes_from_str(id), out)
                      : password_generate_token(STR("hvs."), TOKEN_CHARACTERS, out);
}

static struct status make_accessor(struct arena *arena, struct str *out)
{
    struct secret *text CLEANUP(secret_cleanup) = NULL;
    TRY(password_generate_token(STR(""), ACCESSOR_CHARACTERS, &text));
    return arena_copy_str(arena, str_from_bytes(secret_view(text)), out);
}

static struct status make_identity(struct operation *op, const struct secret *secret,
                                   struct token *t)
{
    uint8_t *hash = arena_alloc(op->arena, INDEX_HASH_TOKEN_BYTES);
    if (hash == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    TRY(index_hash_token(op->worker->vault->keyring, str_from_bytes(secret_view(secret)), hash));
    t->id = uuid_new();
    t->hash = (struct bytes){hash, INDEX_HASH_TOKEN_BYTES};
    return make_accessor(op->arena, &t->accessor);
}

static struct status store(struct operation *op, const struct token *t)
{
    struct token_values row;
    TRY(token_values(op->worker->vault->keyring, t, &row));
    struct store_value values[OPERATION_GUARDS + TOKEN_COLUMN_COUNT];
    memcpy(values + OPERATION_GUARDS, row.columns, sizeof row.columns);
    int64_t code = OPERATION_DONE;
    TRY(operation_write(op, &create_token, values, ARRAY_LEN(values), &code));
    if (code != OPERATION_DONE) {
        FAIL(INVALID, "cannot create a token with a duplicate ID");
    }
    return OK_STATUS;
}

struct status token_create(struct operation *op, const struct token_request *r,
                           const struct token_create_way *way, struct token_created *out)
{
    const struct token_grant_input input = {
        .caller = &op->caller,
        .sudo = op->decision.sudo || op->decision.root,
        .orphan = way->orphan,
        .role = way->role,
        .path = op->path,
        .limits = token_limits(op->worker->vault),
        .now_us = op->snapshot.now_us,
        .arena = op->arena,
    };
    struct token_created made CLEANUP(token_created_done) = {0};
    TRY(token_grant(&input, r, &made.token, &made.notes));
    TRY(make_secret(r->id, &made.secret));
    TRY(make_identity(op, made.secret, &made.token));
    TRY(store(op, &made.token));
    *out = made;
    made.secret = NULL;
    return OK_STATUS;
}
