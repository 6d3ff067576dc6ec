// SPDX-License-Identifier: ISC
// Versions move to the newest key epoch (vault/core/reseal.h).
#include "vault/secrets/kv/kv_rows.h"

struct version_row {
    struct kv_head head;
    struct kv_version version;
};

static struct status read_row(const struct keyring *k, const struct store_rows *rows, int row,
                              struct version_row *out)
{
    TRY(kv_read_head(k, rows, row, 0, &out->head));
    return kv_read_version(k, &out->head, rows, row, KV_HEAD_COLUMN_COUNT, &out->version);
}

static struct status read_cell(const struct keyring *k, const struct store_rows *rows, int row,
                               struct reseal_cell *out)
{
    struct version_row r;
    out->id = store_get_uuid(rows, row, 0);
    TRY(read_row(k, rows, row, &r));
    *out = (struct reseal_cell){
        .id = r.head.id,
        .number = r.version.version,
        .row_version = r.version.row_version,
        .key_epoch = r.version.key_epoch,
        .binding = kv_binding(&r.head, r.version.version),
        .ciphertext = store_get_bytes(rows, row, KV_HEAD_COLUMN_COUNT + KV_STATE_COLUMN_COUNT),
    };
    return OK_STATUS;
}

static struct status new_mac(const struct keyring *k, const struct store_rows *rows, int row,
                             int64_t key_epoch, uint8_t out[ROW_MAC_BYTES])
{
    struct version_row r;
    TRY(read_row(k, rows, row, &r));
    r.version.row_version++;
    r.version.key_epoch = key_epoch;
    return kv_version_mac(k, &r.head, &r.version, out);
}

const struct reseal_table kv_reseal_table = {
    .name = "kv_version",
    .select = {"kv.reseal_select",
               "SELECT " KV_HEAD_COLUMNS ", " KV_STATE_COLUMNS ", v.ciphertext FROM ("
               "SELECT s.*, sum(octet_length(ciphertext)) OVER (ROWS UNBOUNDED PRECEDING) "
               "- octet_length(ciphertext) AS octets_before FROM ("
               "SELECT * FROM kv_version WHERE namespace_id = $1 AND key_epoch < $2 "
               "AND head_id <> ALL ($3) ORDER BY key_epoch LIMIT $4) AS s) AS v "
               "JOIN kv_head h ON h.id = v.head_id WHERE v.octets_before < $5"},
    .update = {"kv.reseal_update",
               "WITH held AS (SELECT n.* FROM kv_version v "
               "JOIN unnest($1, $2, $3, $4, $5) "
               "AS n(head_id, version, row_version, ciphertext, mac) "
               "ON v.head_id = n.head_id AND v.version = n.version "
               "AND v.row_version = n.row_version - 1 "
               "WHERE v.key_epoch < $6 ORDER BY v.head_id, v.version FOR UPDATE OF v SKIP LOCKED) "
               "UPDATE kv_version v SET ciphertext = h.ciphertext, key_epoch = $6, "
               "row_version = h.row_version, mac = h.mac FROM held h "
               "WHERE v.head_id = h.head_id AND v.version = h.version RETURNING 1"},
    .read = read_cell,
    .mac = new_mac,
};
