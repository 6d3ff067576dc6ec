// SPDX-License-Identifier: ISC
// The rows of kv_head and kv_version, in and out, with their MACs. Only for this folder.
#pragma once

#include "vault/crypto/envelope.h"
#include "vault/crypto/index_hash.h"
#include "vault/crypto/row_mac.h"
#include "vault/secrets/kv/kv.h"

// In the order that the readers below expect, of tables aliased h and v.
#define KV_HEAD_COLUMNS                                                                            \
    "h.id, h.namespace_id, h.mount_id, h.path, h.current_version, h.oldest_version, "              \
    "h.max_versions, h.cas_required, h.delete_version_after_s, h.custom_metadata, h.owner, "       \
    "h.expires_at, h.description, h.created_at, h.updated_at, h.row_version, h.mac"
#define KV_STATE_COLUMNS                                                                           \
    "v.version, v.key_epoch, v.created_at, v.deleted_at, v.destroyed, v.row_version, v.mac"
enum { KV_HEAD_COLUMN_COUNT = 17, KV_STATE_COLUMN_COUNT = 7 };

// Text is borrowed from the rows. INTEGRITY, SEALED.
struct status kv_read_head(const struct keyring *k, const struct store_rows *rows, int row,
                           int column, struct kv_head *out);
// All but the ciphertext.
struct status kv_read_version(const struct keyring *k, const struct kv_head *head,
                              const struct store_rows *rows, int row, int column,
                              struct kv_version *out);

struct status kv_version_mac(const struct keyring *k, const struct kv_head *head,
                             const struct kv_version *v, uint8_t out[ROW_MAC_BYTES]);

// Of a path that has nothing yet; row version 0.
struct kv_head kv_new_head(const struct operation *op, struct str path, int64_t now_us);

// Parameters of a whole row, in the order of the table's columns: ROW($n, ...)::kv_head. Everything
// that `row` and `out` lead to stays until the statement is done.
enum { KV_HEAD_VALUES = 18, KV_VERSION_VALUES = 10 };
struct kv_head_row {
    uint8_t path_hash[INDEX_HASH_PATH_BYTES];
    uint8_t mac[ROW_MAC_BYTES];
};
struct status kv_head_values(const struct keyring *k, const struct kv_head *head,
                             struct kv_head_row *row, struct store_value out[KV_HEAD_VALUES]);
struct status kv_version_values(const struct keyring *k, const struct kv_head *head,
                                const struct kv_version *v, uint8_t mac[ROW_MAC_BYTES],
                                struct store_value out[KV_VERSION_VALUES]);

// The cell that a value is sealed to.
struct envelope_binding kv_binding(const struct kv_head *head, int64_t version);
