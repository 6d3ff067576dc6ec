// SPDX-License-Identifier: ISC
#include "vault/rotation/version.h"

#include "vault/base/log.h"
#include "vault/crypto/envelope.h"
#include "vault/crypto/row_mac.h"

static const struct store_statement insert_version = {
    "rotation.insert_value",
    "INSERT INTO rotation_value (id, namespace_id, credential_id, version, account, state, "
    "attempt_id, external_id, public_part, salt, ciphertext, key_epoch, created_at, row_version, "
    "mac, valid_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
    "$16)"};
static const struct store_statement fill_version = {
    "rotation.fill_value",
    "UPDATE rotation_value SET external_id = $2, ciphertext = $3, key_epoch = $4, "
    "valid_until = $5, row_version = $6, mac = $7 "
    "WHERE id = $1 AND row_version = $6 - 1 AND state = 'pending' RETURNING 1"};
static const struct store_statement update_version = {
    "rotation.update_value",
    "UPDATE rotation_value SET state = $2, ciphertext = CASE WHEN $3 THEN ciphertext END, "
    "key_epoch = CASE WHEN $3 THEN key_epoch END, row_version = $4, mac = $5 "
    "WHERE id = $1 AND row_version = $4 - 1 RETURNING 1"};
static const struct store_statement find_abandoned = {
    "rotation.abandoned",
    "SELECT " VERSION_COLUMNS " FROM rotation_value v "
    "WHERE v.credential_id = $1 AND v.state = 'abandoned' "
    "AND v.ciphertext IS NOT NULL AND NOT ($2 AND coalesce((SELECT a.applied_at "
    "FROM rotation_attempt a WHERE a.id = v.attempt_id), 'infinity') > "
    "to_timestamp(0))"};

static struct status begin_mac(struct row_mac *m, const struct keyring *k, const struct version *v)
{
    TRY(row_mac_begin(m, k, v->namespace_id, "rotation_value", v->id, v->row_version));
    row_mac_uuid(m, v->credential);
    row_mac_int(m, v->number);
    row_mac_str(m, v->account);
    row_mac_str(m, v->state);
    row_mac_uuid(m, v->attempt);
    row_mac_str(m, v->external_id);
    row_mac_bytes(m, v->public_part);
    row_mac_bytes(m, v->salt);
    row_mac_int(m, v->key_epoch);
    row_mac_int(m, v->created_us);
    if (v->valid_until_us != 0) { // older rows were made without it
        row_mac_int(m, v->valid_until_us);
    }
    return OK_STATUS;
}

struct status version_read(const struct keyring *k, const struct store_rows *rows, int row,
                           int column, struct version *out)
{
    int c = column;
    struct version v;
    v.id = store_get_uuid(rows, row, c++);
    v.namespace_id = store_get_int(rows, row, c++);
    v.credential = store_get_uuid(rows, row, c++);
    v.number = store_get_int(rows, row, c++);
    v.account = store_get_text(rows, row, c++);
    v.state = store_get_text(rows, row, c++);
    v.attempt = store_get_uuid(rows, row, c++);
    v.external_id = store_get_text(rows, row, c++);
    v.public_part = store_get_bytes(rows, row, c++);
    v.salt = store_get_bytes(rows, row, c++);
    v.ciphertext = store_get_bytes(rows, row, c++);
    v.key_epoch = store_get_int(rows, row, c++);
    v.created_us = store_get_time(rows, row, c++);
    v.row_version = store_get_int(rows, row, c++);
    struct bytes mac = store_get_bytes(rows, row, c++);
    v.valid_until_us = store_get_time(rows, row, c);
    struct row_mac m;
    TRY(begin_mac(&m, k, &v));
    struct status s = row_mac_check(&m, mac);
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "rotation.value_altered", LOG_UUID("value", v.id));
        return s;
    }
    *out = v;
    return OK_STATUS;
}

struct envelope_binding version_binding(struct uuid mount, const struct version *v)
{
    return (struct envelope_binding){.namespace_id = v->namespace_id,
                                     .mount = mount,
                                     .table = "rotation_value",
                                     .column = "ciphertext",
                                     .row = v->id,
                                     .version = v->number};
}

struct status version_seal(const struct keyring *k, struct uuid mount, struct bytes value,
                           struct version *v, struct buffer *sealed)
{
    const struct envelope_binding binding = version_binding(mount, v);
    int64_t epoch;
    TRY(envelope_seal(k, &binding, value, sealed, &epoch));
    v->key_epoch = epoch;
    v->ciphertext = buffer_bytes(sealed);
    return OK_STATUS;
}

struct status version_open(const struct keyring *k, struct uuid mount, const struct version *v,
                           struct secret **out)
{
    const struct envelope_binding binding = version_binding(mount, v);
    return envelope_open(k, v->key_epoch, &binding, v->ciphertext, out);
}

static struct status finish_mac(const struct keyring *k, const struct version *v,
                                uint8_t out[ROW_MAC_BYTES])
{
    struct row_mac m;
    TRY(begin_mac(&m, k, v));
    row_mac_finish(&m, out);
    return OK_STATUS;
}

// An intent has no value yet, and refers to no key.
static struct store_value sealed_or_null(const struct version *v)
{
    return v->key_epoch == 0 ? store_null(STORE_BYTEA) : store_bytea(v->ciphertext);
}

static struct store_value epoch_or_null(const struct version *v)
{
    return v->key_epoch == 0 ? store_null(STORE_INT8) : store_int(v->key_epoch);
}

struct status version_insert(struct session *s, const struct keyring *k,
                             const struct version *given)
{
    struct version v = *given;
    uint8_t mac[ROW_MAC_BYTES];
    v.row_version++;
    TRY(finish_mac(k, &v, mac));
    const struct store_value values[VERSION_COLUMN_COUNT] = {
        store_uuid(v.id),           store_int(v.namespace_id),
        store_uuid(v.credential),   store_int(v.number),
        store_text(v.account),      store_text(v.state),
        store_uuid(v.attempt),      store_text(v.external_id),
        store_bytea(v.public_part), store_bytea(v.salt),
        sealed_or_null(&v),         epoch_or_null(&v),
        store_time(v.created_us),   store_int(v.row_version),
        store_bytea(BYTES_OF(mac)), store_time(v.valid_until_us),
    };
    return session_exec(s, &insert_version, values, ARRAY_LEN(values), NULL);
}

struct status version_fill(struct session *s, const struct keyring *k, const struct version *given)
{
    struct version v = *given;
    uint8_t mac[ROW_MAC_BYTES];
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    v.row_version++;
    TRY(finish_mac(k, &v, mac));
    const struct store_value values[] = {
        store_uuid(v.id),           store_text(v.external_id),    sealed_or_null(&v),
        epoch_or_null(&v),          store_time(v.valid_until_us), store_int(v.row_version),
        store_bytea(BYTES_OF(mac)),
    };
    TRY(session_exec(s, &fill_version, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the value was changed by someone else meanwhile");
    }
    return OK_STATUS;
}

static struct status update_row(struct session *s, const struct keyring *k,
                                const struct version *given, struct str state, bool keep)
{
    struct version v = *given;
    uint8_t mac[ROW_MAC_BYTES];
    v.state = state;
    v.row_version++;
    v.key_epoch = keep ? v.key_epoch : 0;
    TRY(finish_mac(k, &v, mac));
    const struct store_value values[] = {store_uuid(v.id), store_text(state), store_bool(keep),
                                         store_int(v.row_version), store_bytea(BYTES_OF(mac))};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &update_version, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the value was changed by someone else meanwhile");
    }
    return OK_STATUS;
}

struct status version_change(struct session *s, const struct keyring *k, const struct version *v,
                             struct str state)
{
    return update_row(s, k, v, state, !str_equal_c(state, "retired"));
}

struct status version_forget_abandoned(struct session *s, const struct keyring *k,
                                       struct uuid credential, bool keep_set)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_uuid(credential), store_bool(keep_set)};
    TRY(session_exec(s, &find_abandoned, values, ARRAY_LEN(values), &rows));
    for (int i = 0; i < rows.count; i++) {
        struct version v;
        TRY(version_read(k, &rows, i, 0, &v));
        TRY(update_row(s, k, &v, v.state, false));
    }
    return OK_STATUS;
}

// ---- re-encryption

static struct status read_cell(const struct keyring *k, const struct store_rows *rows, int row,
                               struct reseal_cell *out)
{
    struct version v;
    out->id = store_get_uuid(rows, row, 0);
    TRY(version_read(k, rows, row, 0, &v));
    *out = (struct reseal_cell){
        .id = v.id,
        .row_version = v.row_version,
        .key_epoch = v.key_epoch,
        .binding = version_binding(store_get_uuid(rows, row, VERSION_COLUMN_COUNT), &v),
        .ciphertext = v.ciphertext};
    return OK_STATUS;
}

static struct status new_mac(const struct keyring *k, const struct store_rows *rows, int row,
                             int64_t key_epoch, uint8_t out[ROW_MAC_BYTES])
{
    struct version v;
    TRY(version_read(k, rows, row, 0, &v));
    v.row_version++;
    v.key_epoch = key_epoch;
    return finish_mac(k, &v, out);
}

// Not while a node is at work on an attempt of the credential: it has read its values already, and
// would lose a race of no use. An open attempt that rests is locked meanwhile, so that nobody
// claims it and reads them: claims pass it over. Nothing here waits for a lock. Should another one
// begin just now, it reads them again before it promotes.
const struct reseal_table version_reseal_table = {
    .name = "rotation_value",
    .select = {"rotation.reseal_values",
               "SELECT " VERSION_COLUMNS ", c.mount_id FROM rotation_value v "
               "JOIN rotation_credential c ON c.id = v.credential_id "
               "WHERE v.namespace_id = $1 AND v.key_epoch < $2 AND v.id <> ALL ($3) "
               "AND NOT EXISTS (SELECT 1 FROM rotation_attempt a "
               "WHERE a.credential_id = v.credential_id AND a.open "
               "AND a.lease_until > clock_timestamp()) "
               "ORDER BY v.key_epoch LIMIT $4"},
    .update = {"rotation.reseal_value",
               "WITH rests AS (SELECT a.id FROM rotation_attempt a "
               "JOIN rotation_value v ON v.credential_id = a.credential_id "
               "WHERE v.id = ANY ($1) AND a.open AND a.lease_until <= clock_timestamp() "
               "FOR UPDATE OF a SKIP LOCKED), "
               "held AS (SELECT n.* FROM rotation_value v "
               "JOIN unnest($1, $2, $3, $4, $5) AS n(id, number, row_version, ciphertext, mac) "
               "ON v.id = n.id AND v.row_version = n.row_version - 1 "
               "WHERE v.key_epoch < $6 AND NOT EXISTS (SELECT 1 FROM rotation_attempt a "
               "WHERE a.credential_id = v.credential_id AND a.open "
               "AND a.id NOT IN (SELECT r.id FROM rests r)) "
               "ORDER BY v.id FOR UPDATE OF v SKIP LOCKED) "
               "UPDATE rotation_value v SET ciphertext = h.ciphertext, key_epoch = $6, "
               "row_version = h.row_version, mac = h.mac FROM held h WHERE v.id = h.id "
               "RETURNING 1"},
    .read = read_cell,
    .mac = new_mac,
};
