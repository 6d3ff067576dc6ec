// SPDX-License-Identifier: ISC
#include "vault/secrets/cubbyhole/cubbyhole.h"

#include "vault/base/log.h"
#include "vault/crypto/envelope.h"
#include "vault/crypto/row_mac.h"

// A row's id is new with every write, so there is no other version of it.
enum { ONLY_VERSION = 1 };

#define ROW_COLUMNS "id, namespace_id, path, key_epoch, ciphertext, mac, token_id"

static const struct store_statement select_row = {"cubbyhole.find",
                                                  "SELECT " ROW_COLUMNS " FROM cubbyhole "
                                                  "WHERE token_id = $1 AND path_hash = $2"};
static const struct store_statement put_row = {
    "cubbyhole.put", "SELECT cubbyhole_put($1, $2, $3, $4, $5, $6, $7, $8, $9, "
                     "ROW($1, $10, $11, $5, $12, $13, $14, $15)::cubbyhole)"};
static const struct store_statement remove_row = {
    "cubbyhole.remove", "SELECT cubbyhole_remove($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};
static const struct store_statement list_folder = {
    "cubbyhole.list",
    "SELECT DISTINCT e.entry FROM (SELECT substr(path, length($2) + 1) AS rest FROM cubbyhole "
    "WHERE token_id = $1 AND starts_with(path, $2)) AS p, "
    "LATERAL (SELECT CASE WHEN strpos(rest, '/') > 0 THEN left(rest, strpos(rest, '/')) "
    "ELSE rest END AS entry) AS e WHERE e.entry > $3 ORDER BY e.entry LIMIT $4"};

struct row {
    struct uuid id;
    int64_t namespace_id;
    struct uuid token;
    struct str path;
    int64_t key_epoch;
};

static struct status begin_mac(struct row_mac *m, const struct keyring *k, const struct row *r)
{
    TRY(row_mac_begin(m, k, r->namespace_id, "cubbyhole", r->id, ONLY_VERSION));
    // Whose it is: else a row could be handed to another token.
    row_mac_uuid(m, r->token);
    row_mac_str(m, r->path);
    row_mac_int(m, r->key_epoch);
    return OK_STATUS;
}

static struct envelope_binding binding_of(const struct row *r)
{
    return (struct envelope_binding){.namespace_id = r->namespace_id,
                                     .table = "cubbyhole",
                                     .column = "ciphertext",
                                     .row = r->id,
                                     .version = ONLY_VERSION};
}

// The token takes the place of the mount: the same path of two tokens hashes differently.
static struct status hash_path(const struct operation *op, struct str path,
                               uint8_t out[INDEX_HASH_PATH_BYTES])
{
    return index_hash_path(op->worker->vault->keyring, op->caller.id, path, out);
}

void cubbyhole_load_done(struct cubbyhole_load *load)
{
    batch_op_done(&load->op);
}

struct status cubbyhole_find(struct operation *op, struct str path, struct cubbyhole_load *load,
                             bool *out_exists)
{
    TRY(hash_path(op, path, load->path_hash));
    load->keys[0] = store_uuid(op->caller.id);
    load->keys[1] = store_bytea(BYTES_OF(load->path_hash));
    batch_query(op->worker->batch, &select_row, load->keys, ARRAY_LEN(load->keys), &load->op);
    TRY(batch_wait(&load->op));
    *out_exists = load->op.rows.count == 1;
    return OK_STATUS;
}

static struct status read_row(const struct keyring *k, const struct store_rows *rows, int row,
                              struct row *out)
{
    struct row r = {.id = store_get_uuid(rows, row, 0),
                    .namespace_id = store_get_int(rows, row, 1),
                    .path = store_get_text(rows, row, 2),
                    .key_epoch = store_get_int(rows, row, 3),
                    .token = store_get_uuid(rows, row, 6)};
    struct row_mac m;
    TRY(begin_mac(&m, k, &r));
    TRY(row_mac_check(&m, store_get_bytes(rows, row, 5)));
    *out = r;
    return OK_STATUS;
}

static struct status open_row(struct operation *op, struct str path, const struct store_rows *rows,
                              struct bytes *out)
{
    const struct keyring *k = op->worker->vault->keyring;
    struct row r;
    TRY(read_row(k, rows, 0, &r));
    if (!str_equal(r.path, path) || !uuid_equal(r.token, op->caller.id)) {
        FAIL(INTEGRITY, "a secret was found where another belongs");
    }
    const struct envelope_binding binding = binding_of(&r);
    return envelope_open_in(k, r.key_epoch, &binding, store_get_bytes(rows, 0, 4), op->arena, out);
}

struct status cubbyhole_read(struct operation *op, struct str path,
                             const struct cubbyhole_load *load, struct str *out_value)
{
    if (load->op.rows.count != 1) {
        FAIL(NOT_FOUND, "");
    }
    struct bytes value;
    struct status s = open_row(op, path, &load->op.rows, &value);
    if (s.code == STATUS_NOT_FOUND) {
        FAIL(UNAVAILABLE, "the key of this secret isn't loaded yet, try again");
    }
    if (s.code == STATUS_INTEGRITY) {
        op->reason = "stored secret altered";
        log_event(LOG_ERROR, "cubbyhole.altered", LOG_UUID("request_id", op->request_id),
                  LOG_STATUS(s));
    }
    TRY(s);
    *out_value = str_from_bytes(value);
    return OK_STATUS;
}

struct status cubbyhole_put(struct operation *op, struct str path, struct str value)
{
    const struct keyring *k = op->worker->vault->keyring;
    struct row r = {
        .id = uuid_new(), .namespace_id = op->namespace_id, .token = op->caller.id, .path = path};
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, LIMIT_SECRET_BYTES + AEAD_OVERHEAD_BYTES);
    const struct envelope_binding binding = binding_of(&r);
    TRY(envelope_seal(k, &binding, bytes_from_str(value), &sealed, &r.key_epoch));
    uint8_t mac[ROW_MAC_BYTES];
    uint8_t path_hash[INDEX_HASH_PATH_BYTES];
    struct row_mac m;
    TRY(begin_mac(&m, k, &r));
    row_mac_finish(&m, mac);
    TRY(hash_path(op, path, path_hash));

    struct store_value values[OPERATION_GUARDS + 6];
    struct store_value *at = values + OPERATION_GUARDS;
    at[0] = store_bytea(BYTES_OF(path_hash));
    at[1] = store_uuid(r.id);
    at[2] = store_text(path);
    at[3] = store_bytea(buffer_bytes(&sealed));
    at[4] = store_int(r.key_epoch);
    at[5] = store_bytea(BYTES_OF(mac));
    return operation_write(op, &put_row, values, ARRAY_LEN(values), NULL);
}

struct status cubbyhole_remove(struct operation *op, struct str path)
{
    uint8_t path_hash[INDEX_HASH_PATH_BYTES];
    TRY(hash_path(op, path, path_hash));
    struct store_value values[OPERATION_GUARDS + 1];
    values[OPERATION_GUARDS] = store_bytea(BYTES_OF(path_hash));
    int64_t nothing_there;
    return operation_write(op, &remove_row, values, ARRAY_LEN(values), &nothing_there);
}

struct list_job {
    struct store_value values[4];
    struct store_rows rows;
};

static struct status list_work(struct session *s, void *arg)
{
    struct list_job *job = arg;
    return session_exec(s, &list_folder, job->values, ARRAY_LEN(job->values), &job->rows);
}

struct status cubbyhole_list(struct operation *op, struct str folder, struct str after,
                             int64_t limit, struct store_rows *out)
{
    struct list_job job = {
        .values = {store_uuid(op->caller.id), store_text(folder), store_text(after),
                   store_int(limit > 0 ? limit : LIMIT_LIST_ENTRIES)},
    };
    TRY(store_run(op->worker->vault->store, list_work, &job));
    *out = job.rows;
    return OK_STATUS;
}

// ---- re-encryption

static struct status read_cell(const struct keyring *k, const struct store_rows *rows, int row,
                               struct reseal_cell *out)
{
    struct row r;
    out->id = store_get_uuid(rows, row, 0);
    TRY(read_row(k, rows, row, &r));
    *out = (struct reseal_cell){.id = r.id,
                                .key_epoch = r.key_epoch,
                                .binding = binding_of(&r),
                                .ciphertext = store_get_bytes(rows, row, 4)};
    return OK_STATUS;
}

static struct status new_mac(const struct keyring *k, const struct store_rows *rows, int row,
                             int64_t key_epoch, uint8_t out[ROW_MAC_BYTES])
{
    struct row r;
    struct row_mac m;
    TRY(read_row(k, rows, row, &r));
    r.key_epoch = key_epoch;
    TRY(begin_mac(&m, k, &r));
    row_mac_finish(&m, out);
    return OK_STATUS;
}

// A write makes a row of a new id, so what is still there under the same id is what was read.
const struct reseal_table cubbyhole_reseal_table = {
    .name = "cubbyhole",
    .select = {"cubbyhole.reseal_select",
               "SELECT " ROW_COLUMNS " FROM ("
               "SELECT s.*, sum(octet_length(ciphertext)) OVER (ROWS UNBOUNDED PRECEDING) "
               "- octet_length(ciphertext) AS octets_before FROM ("
               "SELECT * FROM cubbyhole WHERE namespace_id = $1 AND key_epoch < $2 "
               "AND id <> ALL ($3) ORDER BY key_epoch LIMIT $4) AS s) AS c "
               "WHERE c.octets_before < $5"},
    .update = {"cubbyhole.reseal_update",
               "WITH held AS (SELECT n.* FROM cubbyhole c "
               "JOIN unnest($1, $2, $3, $4, $5) AS n(id, number, row_version, ciphertext, mac) "
               "ON c.id = n.id WHERE c.key_epoch < $6 ORDER BY c.id FOR UPDATE OF c SKIP LOCKED) "
               "UPDATE cubbyhole c SET ciphertext = h.ciphertext, key_epoch = $6, mac = h.mac "
               "FROM held h WHERE c.id = h.id RETURNING 1"},
    .read = read_cell,
    .mac = new_mac,
};
