// SPDX-License-Identifier: ISC
#include "vault/rotation/connection.h"

#include "vault/base/log.h"
#include "vault/crypto/row_mac.h"
#include "vault/policy/name.h"

static const struct store_statement find_by_target = {
    "database.connection", "SELECT target_id, namespace_id, url, allowed_roles, verify, "
                           "row_version, mac FROM database_connection WHERE target_id = $1"};
static const struct store_statement put_connection = {
    "database.put_connection",
    "INSERT INTO database_connection AS d (target_id, namespace_id, url, allowed_roles, verify, "
    "row_version, mac) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (target_id) DO UPDATE SET "
    "url = $3, allowed_roles = $4, verify = $5, row_version = $6, mac = $7 "
    "WHERE d.row_version = $6 - 1 RETURNING 1"};

static struct status begin_mac(struct row_mac *m, const struct keyring *k,
                               const struct connection *c)
{
    TRY(row_mac_begin(m, k, c->namespace_id, "database_connection", c->target, c->row_version));
    row_mac_str(m, c->url);
    row_mac_strs(m, c->allowed_roles.items, c->allowed_roles.count);
    row_mac_bool(m, c->verify);
    return OK_STATUS;
}

static struct status read_row(const struct keyring *k, const struct store_rows *rows,
                              struct arena *arena, struct connection *out)
{
    struct connection c = {.target = store_get_uuid(rows, 0, 0),
                           .namespace_id = store_get_int(rows, 0, 1),
                           .url = store_get_text(rows, 0, 2),
                           .verify = store_get_bool(rows, 0, 4),
                           .row_version = store_get_int(rows, 0, 5)};
    struct str *roles;
    TRY(store_get_texts(rows, 0, 3, arena, &roles, &c.allowed_roles.count));
    c.allowed_roles.items = roles;
    struct row_mac m;
    TRY(begin_mac(&m, k, &c));
    struct status s = row_mac_check(&m, store_get_bytes(rows, 0, 6));
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "database.connection_altered", LOG_UUID("target", c.target));
        return s;
    }
    *out = c;
    return OK_STATUS;
}

void connection_found_done(struct connection_found *f)
{
    store_rows_done(&f->rows);
}

struct status connection_find(struct operation *op, struct uuid target,
                              struct connection_found *out)
{
    const struct store_value key[] = {store_uuid(target)};
    struct batch_op query CLEANUP(batch_op_done) = {0};
    if (op->worker->batch == NULL) {
        FAIL(SEALED, "the vault is sealed");
    }
    // Readers of values come by here: no session is taken for it.
    batch_query(op->worker->batch, &find_by_target, key, ARRAY_LEN(key), &query);
    TRY(batch_wait(&query));
    out->rows = query.rows;
    query.rows = (struct store_rows){0};
    if (out->rows.count != 1) {
        log_event(LOG_ERROR, "database.connection_missing", LOG_UUID("target", target));
        FAIL(INTEGRITY, "the connection of a target is missing");
    }
    return read_row(op->worker->vault->keyring, &out->rows, op->arena, &out->connection);
}

struct store_job {
    struct operation *op;
    const struct target *target;
    const struct connection *connection;
    bool new_secret;
};

static struct status store_row(struct session *s, const struct store_job *job)
{
    struct connection c = *job->connection;
    struct store_value *roles =
        ARENA_ARRAY(job->op->arena, struct store_value, c.allowed_roles.count + 1);
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    if (roles == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (size_t i = 0; i < c.allowed_roles.count; i++) {
        roles[i] = store_text(c.allowed_roles.items[i]);
    }
    c.row_version++;
    TRY(begin_mac(&m, job->op->worker->vault->keyring, &c));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {
        store_uuid(c.target),       store_int(c.namespace_id),
        store_text(c.url),          store_array(STORE_TEXT, roles, c.allowed_roles.count),
        store_bool(c.verify),       store_int(c.row_version),
        store_bytea(BYTES_OF(mac)),
    };
    TRY(session_exec(s, &put_connection, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the connection was changed by someone else meanwhile, try again");
    }
    return OK_STATUS;
}

static struct status store_both(struct session *s, void *arg)
{
    const struct store_job *job = arg;
    TRY(target_replace(s, job->op->worker->vault->keyring, job->target, job->new_secret));
    return store_row(s, job);
}

struct status connection_store(struct operation *op, const struct target *t,
                               const struct connection *c, bool new_secret)
{
    struct store_job job = {op, t, c, new_secret};
    return operation_transact(op, store_both, &job);
}

bool connection_allows(const struct connection *c, struct str role)
{
    for (size_t i = 0; i < c->allowed_roles.count; i++) {
        if (policy_name_matches(c->allowed_roles.items[i], role)) {
            return true;
        }
    }
    return false;
}
