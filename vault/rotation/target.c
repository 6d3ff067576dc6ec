// SPDX-License-Identifier: ISC
#include "vault/rotation/target.h"

#include "vault/base/log.h"
#include "vault/crypto/envelope.h"
#include "vault/crypto/row_mac.h"
#include "vault/rotation/manage/own.h"

static const struct store_statement find_by_name = {
    "rotation.target", "SELECT " TARGET_COLUMNS " FROM rotation_target t "
                       "WHERE t.mount_id = $1 AND t.name = $2"};
static const struct store_statement lock_by_id = {
    "rotation.lock_target_row",
    "SELECT " TARGET_COLUMNS " FROM rotation_target t WHERE t.id = $1 FOR UPDATE"};
static const struct store_statement insert_target = {
    "rotation.insert_target",
    "INSERT INTO rotation_target (id, namespace_id, mount_id, name, rotator, principal, settings, "
    "concurrency, timeout_s, secret_version, ciphertext, key_epoch, created_at, updated_at, "
    "row_version, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
    "$16) ON CONFLICT DO NOTHING RETURNING 1"};
static const struct store_statement update_target = {
    "rotation.update_target",
    "UPDATE rotation_target SET rotator = $5, principal = $6, settings = $7, concurrency = $8, "
    "timeout_s = $9, secret_version = $10, ciphertext = $11, key_epoch = $12, updated_at = $14, "
    "row_version = $15, mac = $16 WHERE id = $1 AND namespace_id = $2 AND mount_id = $3 "
    "AND name = $4 AND created_at = $13 AND row_version = $15 - 1 RETURNING 1"};
static const struct store_statement delete_target = {
    "rotation.delete_target",
    "DELETE FROM rotation_target t WHERE t.id = $1 AND t.row_version = $2 AND NOT EXISTS ("
    "SELECT 1 FROM rotation_target_change o WHERE o.target_id = t.id AND o.open) RETURNING 1"};
static const struct store_statement list_targets = {
    "rotation.list_targets",
    "SELECT name FROM rotation_target WHERE mount_id = $1 ORDER BY name LIMIT $2"};
static const struct store_statement list_accounts = {
    "rotation.target_accounts", "SELECT account FROM rotation_principal WHERE target_id = $1 "
                                "ORDER BY account LIMIT $2"};
static const struct store_statement find_account = {
    "rotation.find_account",
    "SELECT 1 FROM rotation_principal WHERE target_id = $1 AND account = $2"};

static struct status begin_mac(struct row_mac *m, const struct keyring *k, const struct target *t)
{
    TRY(row_mac_begin(m, k, t->namespace_id, "rotation_target", t->id, t->row_version));
    row_mac_uuid(m, t->mount);
    row_mac_str(m, t->name);
    row_mac_str(m, t->rotator);
    row_mac_str(m, t->principal);
    row_mac_str(m, t->settings);
    row_mac_int(m, t->concurrency);
    row_mac_int(m, t->timeout_s);
    row_mac_int(m, t->secret_version);
    row_mac_int(m, t->key_epoch);
    row_mac_int(m, t->created_us);
    row_mac_int(m, t->updated_us);
    return OK_STATUS;
}

struct status target_read(const struct keyring *k, const struct store_rows *rows, int row,
                          int column, struct target *out)
{
    int c = column;
    struct target t;
    t.id = store_get_uuid(rows, row, c++);
    t.namespace_id = store_get_int(rows, row, c++);
    t.mount = store_get_uuid(rows, row, c++);
    t.name = store_get_text(rows, row, c++);
    t.rotator = store_get_text(rows, row, c++);
    t.principal = store_get_text(rows, row, c++);
    t.settings = store_get_text(rows, row, c++);
    t.concurrency = store_get_int(rows, row, c++);
    t.timeout_s = store_get_int(rows, row, c++);
    t.secret_version = store_get_int(rows, row, c++);
    t.ciphertext = store_get_bytes(rows, row, c++);
    t.key_epoch = store_get_int(rows, row, c++);
    t.created_us = store_get_time(rows, row, c++);
    t.updated_us = store_get_time(rows, row, c++);
    t.row_version = store_get_int(rows, row, c++);
    struct row_mac m;
    TRY(begin_mac(&m, k, &t));
    struct status s = row_mac_check(&m, store_get_bytes(rows, row, c));
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "rotation.target_altered", LOG_UUID("target", t.id));
        return s;
    }
    *out = t;
    return OK_STATUS;
}

void target_found_done(struct target_found *f)
{
    store_rows_done(&f->rows);
}

static struct status read_found(const struct keyring *k, struct target_found *f)
{
    f->exists = f->rows.count == 1;
    return f->exists ? target_read(k, &f->rows, 0, 0, &f->target) : OK_STATUS;
}

struct status target_find(struct operation *op, struct str name, struct target_found *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id), store_text(name)};
    TRY(store_query(op->worker->vault->store, &find_by_name, values, ARRAY_LEN(values),
                    &out->rows));
    return read_found(op->worker->vault->keyring, out);
}

struct status target_lock(struct session *s, const struct keyring *k, struct uuid id,
                          struct target_found *out)
{
    const struct store_value values[] = {store_uuid(id)};
    TRY(session_exec(s, &lock_by_id, values, ARRAY_LEN(values), &out->rows));
    return read_found(k, out);
}

static struct envelope_binding binding_of(const struct target *t)
{
    return (struct envelope_binding){.namespace_id = t->namespace_id,
                                     .mount = t->mount,
                                     .table = "rotation_target",
                                     .column = "ciphertext",
                                     .row = t->id,
                                     .version = t->secret_version};
}

struct status target_seal(const struct keyring *k, struct target *t, struct bytes secret,
                          struct buffer *sealed)
{
    struct target next = *t;
    next.secret_version++;
    const struct envelope_binding binding = binding_of(&next);
    TRY(envelope_seal(k, &binding, secret, sealed, &next.key_epoch));
    next.ciphertext = buffer_bytes(sealed);
    *t = next;
    return OK_STATUS;
}

struct status target_open(const struct keyring *k, const struct target *t, struct secret **out)
{
    const struct envelope_binding binding = binding_of(t);
    return envelope_open(k, t->key_epoch, &binding, t->ciphertext, out);
}

struct store_job {
    const struct keyring *keyring;
    const struct target *target;
    bool new_secret;
};

static struct status change_row(struct session *s, const struct store_statement *statement,
                                const struct store_value *values, size_t count)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, statement, values, count, &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the target was changed by someone else meanwhile, or its own credential is "
                       "being changed: try again");
    }
    return OK_STATUS;
}

// Its rotation would lock the rotator out.
static struct status refuse_account_in_care(struct session *s, const struct target *t)
{
    const struct store_value values[] = {store_uuid(t->id), store_text(t->principal)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &find_account, values, ARRAY_LEN(values), &rows));
    if (rows.count > 0) {
        FAIL(CONFLICT, "username: this account is in the care of a credential");
    }
    return OK_STATUS;
}

struct status target_put(struct session *s, const struct keyring *k, const struct target *given)
{
    struct target t = *given;
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    t.row_version++;
    TRY(begin_mac(&m, k, &t));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {
        store_uuid(t.id),          store_int(t.namespace_id),
        store_uuid(t.mount),       store_text(t.name),
        store_text(t.rotator),     store_text(t.principal),
        store_text(t.settings),    store_int(t.concurrency),
        store_int(t.timeout_s),    store_int(t.secret_version),
        store_bytea(t.ciphertext), store_int(t.key_epoch),
        store_time(t.created_us),  store_time(t.updated_us),
        store_int(t.row_version),  store_bytea(BYTES_OF(mac)),
    };
    return change_row(s, t.row_version == 1 ? &insert_target : &update_target, values,
                      ARRAY_LEN(values));
}

// A secret that a person gives ends a change of it that is under way.
struct status target_replace(struct session *s, const struct keyring *k, const struct target *t,
                             bool new_secret)
{
    TRY(refuse_account_in_care(s, t));
    if (new_secret) {
        TRY(own_give_up(s, k, t->id));
    }
    return target_put(s, k, t);
}

static struct status store_work_row(struct session *s, void *arg)
{
    const struct store_job *job = arg;
    return target_replace(s, job->keyring, job->target, job->new_secret);
}

struct status target_store(struct operation *op, const struct target *t, bool new_secret)
{
    struct store_job job = {op->worker->vault->keyring, t, new_secret};
    return operation_transact(op, store_work_row, &job);
}

static struct status remove_work(struct session *s, void *arg)
{
    const struct target *t = arg;
    const struct store_value values[] = {store_uuid(t->id), store_int(t->row_version)};
    return change_row(s, &delete_target, values, ARRAY_LEN(values));
}

struct status target_remove(struct operation *op, const struct target *t)
{
    struct target copy = *t;
    return operation_transact(op, remove_work, &copy);
}

struct status target_list(struct operation *op, struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id), store_int(LIMIT_LIST_PAGE)};
    return store_query(op->worker->vault->store, &list_targets, values, ARRAY_LEN(values), out);
}

struct status target_accounts(struct operation *op, const struct target *t, int64_t limit,
                              struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(t->id), store_int(limit)};
    return store_query(op->worker->vault->store, &list_accounts, values, ARRAY_LEN(values), out);
}

// ---- re-encryption

static struct status read_cell(const struct keyring *k, const struct store_rows *rows, int row,
                               struct reseal_cell *out)
{
    struct target t;
    out->id = store_get_uuid(rows, row, 0);
    TRY(target_read(k, rows, row, 0, &t));
    *out = (struct reseal_cell){.id = t.id,
                                .row_version = t.row_version,
                                .key_epoch = t.key_epoch,
                                .binding = binding_of(&t),
                                .ciphertext = t.ciphertext};
    return OK_STATUS;
}

static struct status new_mac(const struct keyring *k, const struct store_rows *rows, int row,
                             int64_t key_epoch, uint8_t out[ROW_MAC_BYTES])
{
    struct target t;
    struct row_mac m;
    TRY(target_read(k, rows, row, 0, &t));
    t.row_version++;
    t.key_epoch = key_epoch;
    TRY(begin_mac(&m, k, &t));
    row_mac_finish(&m, out);
    return OK_STATUS;
}

const struct reseal_table target_reseal_table = {
    .name = "rotation_target",
    .select = {"rotation.reseal_targets",
               "SELECT " TARGET_COLUMNS " FROM rotation_target t "
               "WHERE t.namespace_id = $1 AND t.key_epoch < $2 AND t.id <> ALL ($3) "
               "ORDER BY t.key_epoch LIMIT $4"},
    .update = {"rotation.reseal_target",
               "WITH held AS (SELECT n.* FROM rotation_target t "
               "JOIN unnest($1, $2, $3, $4, $5) AS n(id, number, row_version, ciphertext, mac) "
               "ON t.id = n.id AND t.row_version = n.row_version - 1 "
               "WHERE t.key_epoch < $6 ORDER BY t.id FOR UPDATE OF t SKIP LOCKED) "
               "UPDATE rotation_target t SET ciphertext = h.ciphertext, key_epoch = $6, "
               "row_version = h.row_version, mac = h.mac FROM held h WHERE t.id = h.id "
               "RETURNING 1"},
    .read = read_cell,
    .mac = new_mac,
};
