// SPDX-License-Identifier: ISC
#include "vault/rotation/manage/recovery_key.h"

#include "vault/base/log.h"
#include "vault/crypto/row_mac.h"

enum { WRAPPED_BYTES = 256 };

static const struct store_statement find_key = {
    "rotation.recovery_key",
    "SELECT public_key, wrapped_private, created_at, row_version, mac FROM rotation_recovery_key "
    "WHERE mount_id = $1 AND namespace_id = $2"};
static const struct store_statement put_key = {
    "rotation.put_recovery_key",
    "INSERT INTO rotation_recovery_key AS r (mount_id, namespace_id, public_key, wrapped_private, "
    "created_at, row_version, mac) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (mount_id) "
    "DO UPDATE SET public_key = $3, wrapped_private = $4, created_at = $5, row_version = $6, "
    "mac = $7 WHERE r.row_version = $6 - 1 RETURNING 1"};

static struct status begin_mac(struct row_mac *m, const struct operation *op,
                               const struct recovery_key *r)
{
    TRY(row_mac_begin(m, op->worker->vault->keyring, op->namespace_id, "rotation_recovery_key",
                      op->mount->id, r->row_version));
    row_mac_bytes(m, r->public_key);
    row_mac_bytes(m, r->wrapped_private);
    row_mac_int(m, r->created_us);
    return OK_STATUS;
}

void recovery_key_found_done(struct recovery_key_found *f)
{
    store_rows_done(&f->rows);
}

struct status recovery_key_find(struct operation *op, struct recovery_key_found *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id), store_int(op->namespace_id)};
    TRY(store_query(op->worker->vault->store, &find_key, values, ARRAY_LEN(values), &out->rows));
    out->exists = out->rows.count == 1;
    if (!out->exists) {
        return OK_STATUS;
    }
    struct row_mac m;
    out->key = (struct recovery_key){.public_key = store_get_bytes(&out->rows, 0, 0),
                                     .wrapped_private = store_get_bytes(&out->rows, 0, 1),
                                     .created_us = store_get_time(&out->rows, 0, 2),
                                     .row_version = store_get_int(&out->rows, 0, 3)};
    TRY(begin_mac(&m, op, &out->key));
    struct status s = row_mac_check(&m, store_get_bytes(&out->rows, 0, 4));
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "rotation.recovery_key_altered", LOG_UUID("mount", op->mount->id));
    }
    return s;
}

struct store_job {
    const struct operation *op;
    const struct recovery_key *key;
};

static struct status store_work_key(struct session *s, void *arg)
{
    const struct store_job *job = arg;
    const struct recovery_key *r = job->key;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    TRY(begin_mac(&m, job->op, r));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {
        store_uuid(job->op->mount->id), store_int(job->op->namespace_id),
        store_bytea(r->public_key),     store_bytea(r->wrapped_private),
        store_time(r->created_us),      store_int(r->row_version),
        store_bytea(BYTES_OF(mac)),
    };
    TRY(session_exec(s, &put_key, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "somebody else made a recovery key meanwhile");
    }
    return OK_STATUS;
}

struct status recovery_key_make(struct operation *op, const struct recovery_key_found *seen,
                                const struct secret *recovery_secret)
{
    struct buffer wrapped CLEANUP(buffer_done);
    uint8_t public_key[RECOVERY_PUBLIC_BYTES];
    buffer_init(&wrapped, WRAPPED_BYTES);
    TRY(recovery_generate(recovery_secret, public_key, &wrapped));
    const struct recovery_key made = {.public_key = BYTES_OF(public_key),
                                      .wrapped_private = buffer_bytes(&wrapped),
                                      .created_us = op->snapshot.now_us,
                                      .row_version = seen->exists ? seen->key.row_version + 1 : 1};
    struct store_job job = {op, &made};
    return operation_transact(op, store_work_key, &job);
}
