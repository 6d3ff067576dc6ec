// SPDX-License-Identifier: ISC
#include "vault/identity/token_revoke.h"

enum {
    SMALL_TREE = 100, // tokens that a batch connection deletes at once
    CHILDREN_AT_ONCE = 100,
    CHILDREN_ARENA_BYTES = 4 * 1024 * 1024,
};

static const struct store_statement revoke_small = {
    "token.revoke", "SELECT token_revoke($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};
static const struct store_statement delete_trees = {
    "token.delete_trees",
    "SELECT token_delete_trees(ARRAY(SELECT id FROM token WHERE id = $1 AND namespace_id = $2))"};
static const struct store_statement lock_token = {
    "token.lock", "SELECT 1 FROM token WHERE id = $1 AND namespace_id = $2 FOR UPDATE"};
static const struct store_statement load_children = {
    "token.children", "SELECT " TOKEN_COLUMNS " FROM token t WHERE t.parent_id = $1 LIMIT $2"
                      " FOR NO KEY UPDATE"};
static const struct store_statement orphan_child = {
    "token.orphan", "UPDATE token SET parent_id = NULL, orphan = true, row_version = $2, mac = $3 "
                    "WHERE id = $1"};
static const struct store_statement delete_token = {"token.delete",
                                                    "DELETE FROM token WHERE id = $1"};

struct revocation {
    const struct keyring *keyring;
    struct uuid id;
    int64_t namespace_id;
};

static struct revocation revocation_of(const struct operation *op, const struct token *t)
{
    return (struct revocation){op->worker->vault->keyring, t->id, op->namespace_id};
}

static struct status delete_large_tree(struct session *s, void *arg)
{
    const struct revocation *r = arg;
    const struct store_value values[] = {store_uuid(r->id), store_int(r->namespace_id)};
    return session_exec(s, &delete_trees, values, ARRAY_LEN(values), NULL);
}

struct status token_revoke(struct operation *op, const struct token *t)
{
    struct store_value values[] = {[OPERATION_GUARDS] = store_uuid(t->id), store_int(SMALL_TREE)};
    int64_t code = OPERATION_DONE;
    struct status s = operation_write(op, &revoke_small, values, ARRAY_LEN(values), &code);
    // A small tree may have a large cubbyhole.
    bool too_slow = s.code == STATUS_TIMEOUT && !op->outcome_unknown;
    if (!too_slow && (!status_ok(s) || code == OPERATION_DONE)) {
        return s;
    }
    struct revocation r = revocation_of(op, t);
    return operation_transact(op, delete_large_tree, &r);
}

static struct status make_orphan(struct session *s, const struct revocation *r, struct token *t)
{
    uint8_t mac[32];
    t->parent = (struct uuid){0};
    t->orphan = true;
    t->row_version++;
    TRY(token_mac(r->keyring, t, mac));
    const struct store_value values[] = {store_uuid(t->id), store_int(t->row_version),
                                         store_bytea(BYTES_OF(mac))};
    return session_exec(s, &orphan_child, values, ARRAY_LEN(values), NULL);
}

static struct status orphan_some(struct session *s, const struct revocation *r, int *out_count)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(CHILDREN_ARENA_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_uuid(r->id), store_int(CHILDREN_AT_ONCE)};
    TRY(session_exec(s, &load_children, values, ARRAY_LEN(values), &rows));
    for (int i = 0; i < rows.count; i++) {
        struct token child;
        TRY(token_read(r->keyring, &rows, i, 0, arena, &child));
        TRY(make_orphan(s, r, &child));
    }
    *out_count = rows.count;
    return OK_STATUS;
}

// The lock keeps new children away: whoever makes one holds the parent's key.
static struct status orphan_and_delete(struct session *s, void *arg)
{
    const struct revocation *r = arg;
    const struct store_value values[] = {store_uuid(r->id), store_int(r->namespace_id)};
    struct store_rows locked CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &lock_token, values, ARRAY_LEN(values), &locked));
    if (locked.count == 0) {
        FAIL(INVALID, "token to revoke not found");
    }
    int count = 0;
    do {
        TRY(orphan_some(s, r, &count));
    } while (count > 0);
    return session_exec(s, &delete_token, values, 1, NULL);
}

struct status token_revoke_orphan(struct operation *op, const struct token *t)
{
    struct revocation r = revocation_of(op, t);
    return operation_transact(op, orphan_and_delete, &r);
}
