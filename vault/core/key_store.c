// SPDX-License-Identifier: ISC
#include "vault/core/key_store.h"

#include <stdlib.h>
#include <string.h>

static const struct store_statement put_key = {
    "keys.put", "INSERT INTO wrapped_key (kind, namespace_id, epoch, state, wrapped) "
                "VALUES ($1, $2, $3, $4, $5)"};
static const struct store_statement put_epoch = {
    "keys.put_epoch", "INSERT INTO key_epoch (namespace_id, epoch) VALUES ($1, $2)"};
static const struct store_statement list_keys = {
    "keys.list", "SELECT kind, namespace_id, epoch, state, wrapped FROM wrapped_key "
                 "ORDER BY kind, namespace_id, epoch"};
static const struct store_statement count_seals = {
    "keys.count_seals", "UPDATE key_epoch SET encryptions = encryptions + $3 "
                        "WHERE namespace_id = $1 AND epoch = $2"};
static const struct store_statement oldest_epoch = {
    "keys.oldest_epoch", "SELECT min(epoch) FROM key_epoch WHERE namespace_id = $1"};
static const struct store_statement note_unused = {
    "keys.note_unused",
    "UPDATE key_epoch SET unused_since = CASE WHEN unused_since IS NULL THEN clock_timestamp() END "
    "WHERE namespace_id = $1 AND epoch < $2 "
    "AND (unused_since IS NULL) <> key_epoch_used(namespace_id, epoch)"};
static const struct store_statement find_unused = {
    "keys.find_unused",
    "SELECT epoch FROM key_epoch WHERE namespace_id = $1 AND epoch < $2 "
    "AND unused_since < clock_timestamp() - $3 * interval '1 second' ORDER BY epoch LIMIT 1"};
static const struct store_statement delete_epoch = {
    "keys.delete_epoch", "DELETE FROM key_epoch WHERE namespace_id = $1 AND epoch = $2"};
static const struct store_statement destroy_key = {
    "keys.destroy", "UPDATE wrapped_key SET state = $4, wrapped = $5 "
                    "WHERE kind = $1 AND namespace_id = $2 AND epoch = $3"};
static const struct store_statement put_seal = {
    "keys.put_seal", "INSERT INTO seal_config (type, shares, threshold, set_id, key_id, "
                     "share_digests, wrapped_root_key) VALUES ($1, $2, $3, $4, $5, $6, $7)"};
static const struct store_statement select_seal = {
    "keys.seal", "SELECT type, shares, threshold, set_id, key_id, share_digests, wrapped_root_key "
                 "FROM seal_config WHERE (type = 3) = $1"};
static const struct store_statement select_instance = {"keys.instance",
                                                       "SELECT cluster_id FROM vault_instance"};
static const struct store_statement put_instance = {
    "keys.put_instance", "INSERT INTO vault_instance (cluster_id) VALUES ($1)"};

struct status key_store_put(struct session *s, const struct keyring_wrapped *row)
{
    const struct store_value values[] = {store_int(row->kind), store_int(row->namespace_id),
                                         store_int(row->epoch), store_int(row->state),
                                         store_bytea(BYTES_OF(row->wrapped))};
    TRY(session_exec(s, &put_key, values, ARRAY_LEN(values), NULL));
    if (row->kind != KEYRING_DATA) {
        return OK_STATUS;
    }
    const struct store_value epoch[] = {store_int(row->namespace_id), store_int(row->epoch)};
    return session_exec(s, &put_epoch, epoch, ARRAY_LEN(epoch), NULL);
}

void key_rows_done(struct key_rows *r)
{
    free(r->rows);
}

static struct status read_key(const struct store_rows *rows, int i, struct keyring_wrapped *out)
{
    struct bytes wrapped = store_get_bytes(rows, i, 4);
    if (wrapped.len != sizeof out->wrapped) {
        FAIL(INTEGRITY, "a stored key has the wrong length");
    }
    out->kind = (enum keyring_kind)store_get_int(rows, i, 0);
    out->namespace_id = store_get_int(rows, i, 1);
    out->epoch = store_get_int(rows, i, 2);
    out->state = (enum keyring_state)store_get_int(rows, i, 3);
    memcpy(out->wrapped, wrapped.ptr, wrapped.len);
    return OK_STATUS;
}

struct status key_store_load(struct session *s, struct key_rows *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &list_keys, NULL, 0, &rows));
    struct key_rows keys CLEANUP(key_rows_done) = {
        calloc((size_t)rows.count + 1, sizeof(struct keyring_wrapped)), (size_t)rows.count};
    if (keys.rows == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (int i = 0; i < rows.count; i++) {
        TRY(read_key(&rows, i, &keys.rows[i]));
    }
    *out = keys;
    keys.rows = NULL;
    return OK_STATUS;
}

struct status key_store_count_seals(struct session *s, int64_t namespace_id, int64_t epoch,
                                    int64_t seals)
{
    const struct store_value values[] = {store_int(namespace_id), store_int(epoch),
                                         store_int(seals)};
    return session_exec(s, &count_seals, values, ARRAY_LEN(values), NULL);
}

struct status key_store_oldest_epoch(struct session *s, int64_t namespace_id, int64_t *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(namespace_id)};
    TRY(session_exec(s, &oldest_epoch, values, ARRAY_LEN(values), &rows));
    *out = store_get_int(&rows, 0, 0);
    return OK_STATUS;
}

static struct status destroy(struct session *s, int64_t namespace_id, int64_t epoch)
{
    static const uint8_t nothing[KEYRING_WRAPPED_BYTES];
    const struct store_value key[] = {store_int(namespace_id), store_int(epoch)};
    const struct store_value values[] = {store_int(KEYRING_DATA), store_int(namespace_id),
                                         store_int(epoch), store_int(KEYRING_RETIRED),
                                         store_bytea(BYTES_OF(nothing))};
    TRY(session_exec(s, &delete_epoch, key, ARRAY_LEN(key), NULL));
    return session_exec(s, &destroy_key, values, ARRAY_LEN(values), NULL);
}

struct status key_store_retire(struct session *s, int64_t namespace_id, int64_t newest,
                               int64_t after_s, int64_t *out_epoch)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(namespace_id), store_int(newest),
                                         store_int(after_s)};
    TRY(session_exec(s, &note_unused, values, 2, NULL));
    TRY(session_exec(s, &find_unused, values, ARRAY_LEN(values), &rows));
    int64_t epoch = rows.count == 0 ? 0 : store_get_int(&rows, 0, 0);
    if (epoch != 0) {
        TRY(destroy(s, namespace_id, epoch));
    }
    *out_epoch = epoch;
    return OK_STATUS;
}

struct status key_store_put_seal(struct session *s, const struct seal_config *c)
{
    const struct store_value values[] = {store_int(c->type),
                                         store_int(c->shares),
                                         store_int(c->threshold),
                                         store_bytea(BYTES_OF(c->set_id)),
                                         store_bytea(BYTES_OF(c->key_id)),
                                         store_bytea(buffer_bytes(&c->share_digests)),
                                         store_bytea(BYTES_OF(c->wrapped_root_key))};
    return session_exec(s, &put_seal, values, ARRAY_LEN(values), NULL);
}

static struct status copy_exact(const struct store_rows *rows, int column, uint8_t *out, size_t len)
{
    struct bytes value = store_get_bytes(rows, 0, column);
    if (value.len != len) {
        FAIL(INTEGRITY, "the stored seal was altered");
    }
    memcpy(out, value.ptr, len);
    return OK_STATUS;
}

struct status key_store_load_seal(struct session *s, bool recovery, struct seal_config *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_bool(recovery)};
    TRY(session_exec(s, &select_seal, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "no seal is stored");
    }
    TRY(copy_exact(&rows, 3, out->set_id, sizeof out->set_id));
    TRY(copy_exact(&rows, 4, out->key_id, sizeof out->key_id));
    TRY(copy_exact(&rows, 6, out->wrapped_root_key, sizeof out->wrapped_root_key));
    out->type = (enum seal_type)store_get_int(&rows, 0, 0);
    out->shares = (int)store_get_int(&rows, 0, 1);
    out->threshold = (int)store_get_int(&rows, 0, 2);
    buffer_append(&out->share_digests, store_get_bytes(&rows, 0, 5));
    return buffer_status(&out->share_digests);
}

struct status key_store_load_instance(struct session *s, struct uuid *out_cluster_id)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &select_instance, NULL, 0, &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "the vault is not initialised");
    }
    *out_cluster_id = store_get_uuid(&rows, 0, 0);
    return OK_STATUS;
}

struct status key_store_put_instance(struct session *s, struct uuid cluster_id)
{
    const struct store_value values[] = {store_uuid(cluster_id)};
    struct status done = session_exec(s, &put_instance, values, ARRAY_LEN(values), NULL);
    if (done.code == STATUS_CONFLICT) {
        FAIL(CONFLICT, "the vault is already initialised");
    }
    return done;
}
