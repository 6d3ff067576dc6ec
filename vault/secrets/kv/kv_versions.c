// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_rows.h"
#include "vault/secrets/kv/kv_write.h"

static const struct store_statement select_versions = {
    "kv.versions", "SELECT " KV_STATE_COLUMNS " FROM kv_version v "
                   "WHERE v.head_id = $1 AND v.version = ANY ($2) ORDER BY v.version"};
static const struct store_statement change_versions = {
    "kv.change_versions", "SELECT kv_change_versions($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
                          "$12, $13, $14, $15)"};

// The columns of what changes.
struct changes {
    struct store_value *versions;
    struct store_value *row_versions;
    struct store_value *deleted;
    struct store_value *destroyed;
    struct store_value *macs;
    uint8_t (*mac_octets)[ROW_MAC_BYTES];
    size_t count;
};

static struct status changes_init(struct arena *arena, size_t count, struct changes *out)
{
    struct changes c = {
        .versions = ARENA_ARRAY(arena, struct store_value, count),
        .row_versions = ARENA_ARRAY(arena, struct store_value, count),
        .deleted = ARENA_ARRAY(arena, struct store_value, count),
        .destroyed = ARENA_ARRAY(arena, struct store_value, count),
        .macs = ARENA_ARRAY(arena, struct store_value, count),
        .mac_octets = arena_alloc_array(arena, count, sizeof *c.mac_octets),
    };
    if (c.versions == NULL || c.row_versions == NULL || c.deleted == NULL || c.destroyed == NULL ||
        c.macs == NULL || c.mac_octets == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    *out = c;
    return OK_STATUS;
}

// False when the version is in that state already.
static bool advance(enum kv_version_change change, int64_t now_us, struct kv_version *v)
{
    if (v->destroyed) {
        return false;
    }
    switch (change) {
    case KV_DELETE:
        if (!kv_version_lives(v, now_us)) {
            return false;
        }
        v->deleted_us = now_us;
        break;
    case KV_UNDELETE:
        if (v->deleted_us == CLOCK_NEVER) {
            return false;
        }
        v->deleted_us = CLOCK_NEVER;
        break;
    case KV_DESTROY:
        v->destroyed = true;
        v->key_epoch = 0;
        break;
    }
    v->row_version++;
    return true;
}

static struct status changes_add(const struct keyring *k, const struct kv_head *head,
                                 const struct kv_version *v, struct changes *c)
{
    size_t i = c->count;
    TRY(kv_version_mac(k, head, v, c->mac_octets[i]));
    c->versions[i] = store_int(v->version);
    c->row_versions[i] = store_int(v->row_version);
    c->deleted[i] = store_time(v->deleted_us);
    c->destroyed[i] = store_bool(v->destroyed);
    c->macs[i] = store_bytea(BYTES_OF(c->mac_octets[i]));
    c->count++;
    return OK_STATUS;
}

static struct status write_changes(struct operation *op, const struct kv_head *head,
                                   const struct changes *c)
{
    struct store_value values[OPERATION_GUARDS + 6];
    struct store_value *at = values + OPERATION_GUARDS;
    at[0] = store_uuid(head->id);
    at[1] = store_array(STORE_INT8, c->versions, c->count);
    at[2] = store_array(STORE_INT8, c->row_versions, c->count);
    at[3] = store_array(STORE_TIME, c->deleted, c->count);
    at[4] = store_array(STORE_BOOL, c->destroyed, c->count);
    at[5] = store_array(STORE_BYTEA, c->macs, c->count);
    return operation_write(op, &change_versions, values, ARRAY_LEN(values), NULL);
}

static struct status load_versions(struct operation *op, const struct kv_head *head,
                                   const struct kv_versions *wanted, struct batch_op *query)
{
    size_t count = wanted->latest ? 1 : wanted->count;
    const int64_t *numbers = wanted->latest ? &head->current_version : wanted->numbers;
    struct store_value *items = ARENA_ARRAY(op->arena, struct store_value, count);
    if (items == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = store_int(numbers[i]);
    }
    const struct store_value values[] = {store_uuid(head->id),
                                         store_array(STORE_INT8, items, count)};
    batch_query(op->worker->batch, &select_versions, values, ARRAY_LEN(values), query);
    return batch_wait(query);
}

static struct status versions_change(struct operation *op, const struct kv_secret *now, void *arg)
{
    const struct kv_versions *wanted = arg;
    const struct keyring *k = op->worker->vault->keyring;
    TRY(operation_authorise(op, wanted->operation));
    if (!now->exists) {
        return OK_STATUS;
    }
    struct batch_op query CLEANUP(batch_op_done) = {0};
    TRY(load_versions(op, &now->head, wanted, &query));
    struct changes changes;
    TRY(changes_init(op->arena, (size_t)query.rows.count + 1, &changes));
    for (int i = 0; i < query.rows.count; i++) {
        struct kv_version v;
        TRY(kv_read_version(k, &now->head, &query.rows, i, 0, &v));
        if (advance(wanted->change, now->now_us, &v)) {
            TRY(changes_add(k, &now->head, &v, &changes));
        }
    }
    return changes.count == 0 ? OK_STATUS : write_changes(op, &now->head, &changes);
}

struct status kv_change(struct operation *op, struct kv_load *load,
                        const struct kv_versions *versions)
{
    // Handed through untouched; the callback takes what others change.
    struct kv_versions wanted = *versions;
    return kv_load_retry(op, load, versions_change, &wanted);
}
