// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "vault/base/log.h"
#include "vault/core/reseal.h"
#include "vault/crypto/row_mac.h"

enum { SEALED_BYTES_MAX = LIMIT_RESEAL_BYTES + 2 * LIMIT_SECRET_BYTES };

struct job {
    const struct reseal_table *table;
    const struct keyring *keyring;
    int64_t namespace_id;
    int64_t epoch;
    struct reseal_skips *skips;
    struct buffer sealed; // ciphertexts, one after the other
    size_t count;
    size_t begins[LIMIT_RESEAL_ROWS]; // of each in `sealed`
    size_t ends[LIMIT_RESEAL_ROWS];
    struct store_value ids[LIMIT_RESEAL_ROWS];
    struct store_value numbers[LIMIT_RESEAL_ROWS];
    struct store_value row_versions[LIMIT_RESEAL_ROWS];
    struct store_value ciphertexts[LIMIT_RESEAL_ROWS];
    struct store_value macs[LIMIT_RESEAL_ROWS];
    uint8_t mac_octets[LIMIT_RESEAL_ROWS][ROW_MAC_BYTES];
};

static void job_free(struct job **j)
{
    if (*j != NULL) {
        buffer_done(&(*j)->sealed);
        free(*j);
    }
}

static struct status select_rows(const struct job *j, struct session *s, struct store_rows *out)
{
    const struct store_value values[] = {store_int(j->namespace_id), store_int(j->epoch),
                                         store_array(STORE_UUID, j->skips->ids, j->skips->count),
                                         store_int(LIMIT_RESEAL_ROWS),
                                         store_int(LIMIT_RESEAL_BYTES)};
    return session_exec(s, &j->table->select, values, ARRAY_LEN(values), out);
}

static struct status seal_again(struct job *j, const struct reseal_cell *cell)
{
    struct secret *plain CLEANUP(secret_cleanup) = NULL;
    int64_t epoch;
    TRY(envelope_open(j->keyring, cell->key_epoch, &cell->binding, cell->ciphertext, &plain));
    TRY(envelope_seal(j->keyring, &cell->binding, secret_view(plain), &j->sealed, &epoch));
    // Another node's rotation may have just come in between: then the round is begun anew.
    if (epoch != j->epoch) {
        FAIL(UNAVAILABLE, "the key was rotated meanwhile");
    }
    return OK_STATUS;
}

static struct status add_row(struct job *j, const struct store_rows *rows, int row,
                             const struct reseal_cell *cell)
{
    size_t i = j->count;
    j->begins[i] = buffer_bytes(&j->sealed).len;
    TRY(seal_again(j, cell));
    TRY(j->table->mac(j->keyring, rows, row, j->epoch, j->mac_octets[i]));
    j->ends[i] = buffer_bytes(&j->sealed).len;
    j->ids[i] = store_uuid(cell->id);
    j->numbers[i] = store_int(cell->number);
    j->row_versions[i] = store_int(cell->row_version + 1);
    j->macs[i] = store_bytea(BYTES_OF(j->mac_octets[i]));
    j->count++;
    return OK_STATUS;
}

static struct status skip(struct job *j, struct uuid id, struct status why)
{
    if (j->skips->count == ARRAY_LEN(j->skips->ids)) {
        FAIL(LIMIT, "too many stored values can't be re-encrypted");
    }
    j->skips->ids[j->skips->count++] = store_uuid(id);
    log_event(LOG_ERROR, "keys.value_left", LOG_STR("table", str_from_c(j->table->name)),
              LOG_UUID("id", id), LOG_STATUS(why));
    return OK_STATUS;
}

// What can't be opened stays as it is: altered, or under a key that is missing.
static struct status take_row(struct job *j, const struct store_rows *rows, int row,
                              int64_t *failed)
{
    struct reseal_cell cell = {0};
    struct status s = j->table->read(j->keyring, rows, row, &cell);
    if (status_ok(s)) {
        s = add_row(j, rows, row, &cell);
    }
    if (s.code != STATUS_INTEGRITY && s.code != STATUS_NOT_FOUND) {
        return s;
    }
    (*failed)++;
    return skip(j, cell.id, s);
}

static struct status write_rows(struct job *j, struct session *s, int64_t *out_written)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct bytes all = buffer_bytes(&j->sealed);
    for (size_t i = 0; i < j->count; i++) {
        j->ciphertexts[i] =
            store_bytea((struct bytes){all.ptr + j->begins[i], j->ends[i] - j->begins[i]});
    }
    const struct store_value values[] = {store_array(STORE_UUID, j->ids, j->count),
                                         store_array(STORE_INT8, j->numbers, j->count),
                                         store_array(STORE_INT8, j->row_versions, j->count),
                                         store_array(STORE_BYTEA, j->ciphertexts, j->count),
                                         store_array(STORE_BYTEA, j->macs, j->count),
                                         store_int(j->epoch)};
    TRY(session_exec(s, &j->table->update, values, ARRAY_LEN(values), &rows));
    *out_written = rows.count;
    return OK_STATUS;
}

struct status reseal_batch(const struct reseal_table *t, const struct keyring *k,
                           int64_t namespace_id, struct session *s, struct reseal_skips *skips,
                           struct reseal_batch_result *out)
{
    struct job *j CLEANUP(job_free) = calloc(1, sizeof *j);
    if (j == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    j->table = t;
    j->keyring = k;
    j->namespace_id = namespace_id;
    j->skips = skips;
    buffer_init(&j->sealed, SEALED_BYTES_MAX);
    TRY(keyring_active_epoch(k, namespace_id, &j->epoch));
    struct reseal_batch_result result = {0, 0};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(select_rows(j, s, &rows));
    for (int i = 0; i < rows.count; i++) {
        TRY(take_row(j, &rows, i, &result.failed));
    }
    if (j->count > 0) {
        TRY(write_rows(j, s, &result.written));
    }
    *out = result;
    return OK_STATUS;
}
