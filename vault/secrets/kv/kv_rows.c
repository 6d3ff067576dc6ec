// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_rows.h"

static struct status begin_head_mac(struct row_mac *m, const struct keyring *k,
                                    const struct kv_head *h)
{
    TRY(row_mac_begin(m, k, h->namespace_id, "kv_head", h->id, h->row_version));
    row_mac_uuid(m, h->mount);
    row_mac_str(m, h->path);
    row_mac_int(m, h->current_version);
    row_mac_int(m, h->oldest_version);
    row_mac_int(m, h->max_versions);
    row_mac_bool(m, h->cas_required);
    row_mac_int(m, h->delete_version_after_s);
    row_mac_str(m, h->custom_metadata);
    row_mac_str(m, h->owner);
    row_mac_int(m, h->expires_us);
    row_mac_str(m, h->description);
    row_mac_int(m, h->created_us);
    row_mac_int(m, h->updated_us);
    return OK_STATUS;
}

// Not the ciphertext: the envelope authenticates it, bound to this head and version.
static struct status begin_version_mac(struct row_mac *m, const struct keyring *k,
                                       const struct kv_head *h, const struct kv_version *v)
{
    TRY(row_mac_begin(m, k, h->namespace_id, "kv_version", h->id, v->row_version));
    row_mac_int(m, v->version);
    row_mac_int(m, v->key_epoch);
    row_mac_int(m, v->created_us);
    row_mac_int(m, v->deleted_us);
    row_mac_bool(m, v->destroyed);
    return OK_STATUS;
}

struct status kv_read_head(const struct keyring *k, const struct store_rows *rows, int row,
                           int column, struct kv_head *out)
{
    int c = column;
    struct kv_head h;
    h.id = store_get_uuid(rows, row, c++);
    h.namespace_id = store_get_int(rows, row, c++);
    h.mount = store_get_uuid(rows, row, c++);
    h.path = store_get_text(rows, row, c++);
    h.current_version = store_get_int(rows, row, c++);
    h.oldest_version = store_get_int(rows, row, c++);
    h.max_versions = store_get_int(rows, row, c++);
    h.cas_required = store_get_bool(rows, row, c++);
    h.delete_version_after_s = store_get_int(rows, row, c++);
    h.custom_metadata = store_get_text(rows, row, c++);
    h.owner = store_get_text(rows, row, c++);
    h.expires_us = store_get_time(rows, row, c++);
    h.description = store_get_text(rows, row, c++);
    h.created_us = store_get_time(rows, row, c++);
    h.updated_us = store_get_time(rows, row, c++);
    h.row_version = store_get_int(rows, row, c++);
    struct row_mac m;
    TRY(begin_head_mac(&m, k, &h));
    TRY(row_mac_check(&m, store_get_bytes(rows, row, c)));
    *out = h;
    return OK_STATUS;
}

struct status kv_read_version(const struct keyring *k, const struct kv_head *head,
                              const struct store_rows *rows, int row, int column,
                              struct kv_version *out)
{
    int c = column;
    struct kv_version v = {0};
    v.version = store_get_int(rows, row, c++);
    v.key_epoch = store_get_int(rows, row, c++);
    v.created_us = store_get_time(rows, row, c++);
    v.deleted_us = store_get_time(rows, row, c++);
    v.destroyed = store_get_bool(rows, row, c++);
    v.row_version = store_get_int(rows, row, c++);
    struct row_mac m;
    TRY(begin_version_mac(&m, k, head, &v));
    TRY(row_mac_check(&m, store_get_bytes(rows, row, c)));
    *out = v;
    return OK_STATUS;
}

struct status kv_version_mac(const struct keyring *k, const struct kv_head *head,
                             const struct kv_version *v, uint8_t out[ROW_MAC_BYTES])
{
    struct row_mac m;
    TRY(begin_version_mac(&m, k, head, v));
    row_mac_finish(&m, out);
    return OK_STATUS;
}

struct status kv_head_values(const struct keyring *k, const struct kv_head *head,
                             struct kv_head_row *row, struct store_value out[KV_HEAD_VALUES])
{
    struct row_mac m;
    TRY(begin_head_mac(&m, k, head));
    row_mac_finish(&m, row->mac);
    const struct store_value values[KV_HEAD_VALUES] = {
        store_uuid(head->id),
        store_int(head->namespace_id),
        store_uuid(head->mount),
        store_bytea(BYTES_OF(row->path_hash)),
        store_text(head->path),
        store_int(head->current_version),
        store_int(head->oldest_version),
        store_int(head->max_versions),
        store_bool(head->cas_required),
        store_int(head->delete_version_after_s),
        store_text(head->custom_metadata),
        store_text(head->owner),
        store_time(head->expires_us),
        store_text(head->description),
        store_time(head->created_us),
        store_time(head->updated_us),
        store_int(head->row_version),
        store_bytea(BYTES_OF(row->mac)),
    };
    for (size_t i = 0; i < KV_HEAD_VALUES; i++) {
        out[i] = values[i];
    }
    return OK_STATUS;
}

struct status kv_version_values(const struct keyring *k, const struct kv_head *head,
                                const struct kv_version *v, uint8_t mac[ROW_MAC_BYTES],
                                struct store_value out[KV_VERSION_VALUES])
{
    TRY(kv_version_mac(k, head, v, mac));
    const struct store_value values[KV_VERSION_VALUES] = {
        store_uuid(head->id),          store_int(v->version),
        store_int(head->namespace_id), store_bytea(v->ciphertext),
        store_int(v->key_epoch),       store_time(v->created_us),
        store_time(v->deleted_us),     store_bool(v->destroyed),
        store_int(v->row_version),     store_bytea((struct bytes){mac, ROW_MAC_BYTES}),
    };
    for (size_t i = 0; i < KV_VERSION_VALUES; i++) {
        out[i] = values[i];
    }
    return OK_STATUS;
}

struct kv_head kv_new_head(const struct operation *op, struct str path, int64_t now_us)
{
    return (struct kv_head){.id = uuid_new(),
                            .namespace_id = op->namespace_id,
                            .mount = op->mount->id,
                            .path = path,
                            .expires_us = CLOCK_NEVER,
                            .created_us = now_us,
                            .updated_us = now_us};
}

struct envelope_binding kv_binding(const struct kv_head *head, int64_t version)
{
    return (struct envelope_binding){.namespace_id = head->namespace_id,
                                     .mount = head->mount,
                                     .table = "kv_version",
                                     .column = "ciphertext",
                                     .row = head->id,
                                     .version = version};
}
