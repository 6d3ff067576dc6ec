// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/secrets/kv/kv_custom.h"
#include "vault/secrets/kv/kv_rows.h"
#include "vault/secrets/kv/kv_write.h"

static const struct store_statement put_head = {
    "kv.put_head",
    "SELECT kv_put_head($1, $2, $3, $4, $5, $6, $7, $8, $9, "
    "ROW($10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, "
    "$27)::kv_head)"};
static const struct store_statement remove_head = {
    "kv.remove", "SELECT kv_remove($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

struct set_job {
    const struct kv_settings *settings;
    const struct kv_load *load;
};

static struct status apply(struct operation *op, const struct kv_settings *s, struct kv_head *h)
{
    if (s->given & KV_SET_MAX_VERSIONS) {
        h->max_versions = s->max_versions;
    }
    if (s->given & KV_SET_CAS_REQUIRED) {
        h->cas_required = s->cas_required;
    }
    if (s->given & KV_SET_DELETE_AFTER) {
        h->delete_version_after_s = s->delete_version_after_s;
    }
    if (s->given & KV_SET_OWNER) {
        h->owner = s->owner;
    }
    if (s->given & KV_SET_EXPIRES) {
        h->expires_us = s->expires_us;
    }
    if (s->given & KV_SET_DESCRIPTION) {
        h->description = s->description;
    }
    if ((s->given & KV_SET_CUSTOM) == 0) {
        return OK_STATUS;
    }
    if (!json_present(s->custom)) {
        h->custom_metadata = STR("");
        return OK_STATUS;
    }
    return kv_custom_build(s->custom, s->patch, h->custom_metadata, op->arena, &h->custom_metadata);
}

static enum policy_operation needed(const struct kv_settings *s, const struct kv_secret *now)
{
    if (s->patch) {
        return POLICY_OP_PATCH;
    }
    return now->exists ? POLICY_OP_UPDATE : POLICY_OP_CREATE;
}

static struct status set_change(struct operation *op, const struct kv_secret *now, void *arg)
{
    const struct set_job *job = arg;
    const struct kv_settings *settings = job->settings;
    TRY(operation_authorise(op, needed(settings, now)));
    if (settings->patch && !now->exists) {
        FAIL(NOT_FOUND, "");
    }
    if (settings->given == 0) {
        return OK_STATUS;
    }
    struct kv_head next = now->exists ? now->head : kv_new_head(op, job->load->path, now->now_us);
    next.row_version++;
    TRY(apply(op, settings, &next));
    struct store_value values[OPERATION_GUARDS + KV_HEAD_VALUES];
    struct kv_head_row row;
    memcpy(row.path_hash, job->load->path_hash, sizeof row.path_hash);
    TRY(kv_head_values(op->worker->vault->keyring, &next, &row, values + OPERATION_GUARDS));
    return operation_write(op, &put_head, values, ARRAY_LEN(values), NULL);
}

struct status kv_set(struct operation *op, struct kv_load *load, const struct kv_settings *settings)
{
    struct set_job job = {.settings = settings, .load = load};
    return kv_load_retry(op, load, set_change, &job);
}

static struct status remove_change(struct operation *op, const struct kv_secret *now, void *arg)
{
    (void)arg;
    TRY(operation_authorise(op, POLICY_OP_DELETE));
    if (!now->exists) {
        return OK_STATUS;
    }
    struct store_value values[OPERATION_GUARDS + 2];
    values[OPERATION_GUARDS] = store_uuid(now->head.id);
    values[OPERATION_GUARDS + 1] = store_int(now->head.row_version);
    return operation_write(op, &remove_head, values, ARRAY_LEN(values), NULL);
}

struct status kv_remove(struct operation *op, struct kv_load *load)
{
    return kv_load_retry(op, load, remove_change, NULL);
}
