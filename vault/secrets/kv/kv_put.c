// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/base/merge_patch.h"
#include "vault/secrets/kv/kv_rows.h"
#include "vault/secrets/kv/kv_write.h"

static const struct store_statement put_version = {
    "kv.put",
    "SELECT kv_put($1, $2, $3, $4, $5, $6, $7, $8, $9, "
    "ROW($10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, "
    "$27)::kv_head, "
    "ROW($28, $29, $30, $31, $32, $33, $34, $35, $36, $37)::kv_version)"};

enum {
    HEAD_AT = OPERATION_GUARDS,
    VERSION_AT = HEAD_AT + KV_HEAD_VALUES,
    PUT_VALUES = VERSION_AT + KV_VERSION_VALUES,
};

// What a change needs beside the caller's wishes.
struct put_job {
    struct kv_put *put;
    const struct kv_load *load;
};

static struct status check_cas(const struct kv_put *put, const struct kv_secret *now)
{
    if (put->has_cas && put->cas != now->head.current_version) {
        FAIL(INVALID, "check-and-set parameter did not match the current version");
    }
    if (!put->has_cas && kv_config_needs_cas(&put->config, &now->head)) {
        FAIL(INVALID, "check-and-set parameter required for this call");
    }
    return OK_STATUS;
}

// The head and the version that follow what was loaded.
static void succeed(const struct operation *op, const struct put_job *job,
                    const struct kv_secret *now, struct kv_secret *next)
{
    const struct kv_config *config = &job->put->config;
    *next = *now;
    struct kv_head *h = &next->head;
    if (!now->exists) {
        *h = kv_new_head(op, job->load->path, now->now_us);
    }
    h->row_version++;
    h->current_version++;
    h->updated_us = now->now_us;
    int64_t keep = kv_config_versions(config, h);
    if (h->current_version - h->oldest_version >= keep) {
        h->oldest_version = h->current_version - keep + 1;
    }
    next->exists = true;
    next->has_version = true;
    next->version = (struct kv_version){
        .version = h->current_version,
        .created_us = now->now_us,
        .deleted_us = kv_config_deletion_us(config, h, now->now_us),
        .row_version = 1,
    };
}

static struct status store(struct operation *op, const struct put_job *job, struct str value,
                           struct kv_secret *next)
{
    const struct keyring *k = op->worker->vault->keyring;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, LIMIT_SECRET_BYTES + AEAD_OVERHEAD_BYTES);
    const struct envelope_binding binding = kv_binding(&next->head, next->version.version);
    TRY(envelope_seal(k, &binding, bytes_from_str(value), &sealed, &next->version.key_epoch));
    next->version.ciphertext = buffer_bytes(&sealed);

    struct store_value values[PUT_VALUES];
    struct kv_head_row row;
    uint8_t version_mac[ROW_MAC_BYTES];
    memcpy(row.path_hash, job->load->path_hash, sizeof row.path_hash);
    TRY(kv_head_values(k, &next->head, &row, values + HEAD_AT));
    TRY(kv_version_values(k, &next->head, &next->version, version_mac, values + VERSION_AT));
    TRY(operation_write(op, &put_version, values, PUT_VALUES, NULL));
    next->version.ciphertext = (struct bytes){0};
    return OK_STATUS;
}

static struct status store_patched(struct operation *op, const struct put_job *job,
                                   const struct kv_secret *now, struct kv_secret *next)
{
    struct str text;
    struct json_value current;
    TRY(kv_open_value(op, now, &text));
    if (!status_ok(json_parse(text, NULL, op->arena, &current, NULL))) {
        FAIL(INTEGRITY, "the stored secret isn't JSON");
    }
    struct buffer patched CLEANUP(buffer_done);
    buffer_init(&patched, LIMIT_SECRET_BYTES);
    TRY(merge_patch_apply(current, job->put->data, op->arena, &patched));
    return store(op, job, buffer_str(&patched), next);
}

static enum policy_operation needed(const struct kv_put *put, const struct kv_secret *now)
{
    if (put->patch) {
        return POLICY_OP_PATCH;
    }
    return now->exists ? POLICY_OP_UPDATE : POLICY_OP_CREATE;
}

static struct status put_change(struct operation *op, const struct kv_secret *now, void *arg)
{
    const struct put_job *job = arg;
    struct kv_put *put = job->put;
    TRY(operation_authorise(op, needed(put, now)));
    if (put->patch && !now->exists) {
        FAIL(NOT_FOUND, "");
    }
    TRY(check_cas(put, now));
    if (put->patch && !now->has_version) {
        FAIL(NOT_FOUND, "");
    }
    if (put->patch && !kv_version_lives(&now->version, now->now_us)) {
        put->gone = true;
        put->secret = *now;
        return OK_STATUS;
    }
    struct kv_secret next;
    succeed(op, job, now, &next);
    TRY(put->patch ? store_patched(op, job, now, &next)
                   : store(op, job, json_raw(put->data), &next));
    put->secret = next;
    return OK_STATUS;
}

struct status kv_put(struct operation *op, struct kv_load *load, struct kv_put *put)
{
    struct put_job job = {.put = put, .load = load};
    return kv_load_retry(op, load, put_change, &job);
}
