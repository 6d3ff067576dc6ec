// SPDX-License-Identifier: ISC
#include "vault/notify/notifier.h"

#include "vault/base/log.h"
#include "vault/crypto/envelope.h"
#include "vault/crypto/row_mac.h"
#include "vault/notify/rules.h"

static const struct store_statement find_by_name = {
    "notify.notifier", "SELECT " NOTIFIER_COLUMNS " FROM rotation_notifier f "
                       "WHERE f.mount_id = $1 AND f.name = $2"};
static const struct store_statement find_by_id = {"notify.notifier_by_id",
                                                  "SELECT " NOTIFIER_COLUMNS
                                                  " FROM rotation_notifier f WHERE f.id = $1"};
static const struct store_statement insert_notifier = {
    "notify.insert_notifier",
    "INSERT INTO rotation_notifier (id, namespace_id, mount_id, name, type, url, host, port, tls, "
    "username, sender, recipient, ca_file, events, credentials, owner, enabled, disabled_reason, "
    "secret_version, ciphertext, key_epoch, created_at, updated_at, row_version, mac) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, "
    "$20, $21, $22, $23, $24, $25) ON CONFLICT DO NOTHING RETURNING 1"};
// Whoever changes it wants it tried at once.
static const struct store_statement update_notifier = {
    "notify.update_notifier",
    "UPDATE rotation_notifier SET url = $6, host = $7, port = $8, tls = $9, username = $10, "
    "sender = $11, recipient = $12, ca_file = $13, events = $14, credentials = $15, owner = $16, "
    "enabled = $17, disabled_reason = $18, secret_version = $19, ciphertext = $20, "
    "key_epoch = $21, updated_at = $23, row_version = $24, mac = $25, failures = 0, "
    "hold_until = to_timestamp(0) WHERE id = $1 AND namespace_id = $2 AND mount_id = $3 "
    "AND name = $4 AND type = $5 AND created_at = $22 AND row_version = $24 - 1 RETURNING 1"};
static const struct store_statement delete_notifier = {
    "notify.delete_notifier",
    "DELETE FROM rotation_notifier WHERE id = $1 AND row_version = $2 RETURNING 1"};
static const struct store_statement list_notifiers = {
    "notify.list_notifiers",
    "SELECT name FROM rotation_notifier WHERE mount_id = $1 ORDER BY name LIMIT $2"};

static struct status begin_mac(struct row_mac *m, const struct keyring *k, const struct notifier *n)
{
    TRY(row_mac_begin(m, k, n->namespace_id, "rotation_notifier", n->id, n->row_version));
    row_mac_uuid(m, n->mount);
    row_mac_str(m, n->name);
    row_mac_str(m, n->type);
    row_mac_str(m, n->url);
    row_mac_str(m, n->host);
    row_mac_int(m, n->port);
    row_mac_str(m, n->tls);
    row_mac_str(m, n->username);
    row_mac_str(m, n->sender);
    row_mac_str(m, n->recipient);
    row_mac_str(m, n->ca_file);
    row_mac_strs(m, n->events, n->event_count);
    row_mac_strs(m, n->credentials, n->credential_count);
    row_mac_str(m, n->owner);
    row_mac_bool(m, n->enabled);
    row_mac_str(m, n->disabled_reason);
    row_mac_int(m, n->secret_version);
    row_mac_int(m, n->key_epoch);
    row_mac_int(m, n->created_us);
    row_mac_int(m, n->updated_us);
    return OK_STATUS;
}

static struct status read_list(const struct store_rows *rows, int row, int column,
                               struct arena *arena, const struct str **out, size_t *out_count)
{
    struct str *items;
    TRY(store_get_texts(rows, row, column, arena, &items, out_count));
    *out = items;
    return OK_STATUS;
}

static struct status check_mac(const struct keyring *k, const struct notifier *n, struct bytes mac)
{
    struct row_mac m;
    TRY(begin_mac(&m, k, n));
    struct status s = row_mac_check(&m, mac);
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "notify.notifier_altered", LOG_UUID("notifier", n->id));
    }
    return s;
}

struct status notifier_read(const struct keyring *k, const struct store_rows *rows, int row,
                            int column, struct arena *arena, struct notifier *out)
{
    int c = column;
    struct notifier n = {0};
    n.id = store_get_uuid(rows, row, c++);
    n.namespace_id = store_get_int(rows, row, c++);
    n.mount = store_get_uuid(rows, row, c++);
    n.name = store_get_text(rows, row, c++);
    n.type = store_get_text(rows, row, c++);
    n.url = store_get_text(rows, row, c++);
    n.host = store_get_text(rows, row, c++);
    n.port = store_get_int(rows, row, c++);
    n.tls = store_get_text(rows, row, c++);
    n.username = store_get_text(rows, row, c++);
    n.sender = store_get_text(rows, row, c++);
    n.recipient = store_get_text(rows, row, c++);
    n.ca_file = store_get_text(rows, row, c++);
    TRY(read_list(rows, row, c++, arena, &n.events, &n.event_count));
    TRY(read_list(rows, row, c++, arena, &n.credentials, &n.credential_count));
    n.owner = store_get_text(rows, row, c++);
    n.enabled = store_get_bool(rows, row, c++);
    n.disabled_reason = store_get_text(rows, row, c++);
    n.secret_version = store_get_int(rows, row, c++);
    n.ciphertext = store_get_bytes(rows, row, c++);
    n.key_epoch = store_get_int(rows, row, c++);
    n.created_us = store_get_time(rows, row, c++);
    n.updated_us = store_get_time(rows, row, c++);
    n.row_version = store_get_int(rows, row, c++);
    struct bytes mac = store_get_bytes(rows, row, c++);
    n.failures = store_get_int(rows, row, c++);
    n.hold_until_us = store_get_time(rows, row, c);
    TRY(check_mac(k, &n, mac));
    *out = n;
    return OK_STATUS;
}

void notifier_found_done(struct notifier_found *f)
{
    store_rows_done(&f->rows);
}

static struct status read_found(const struct keyring *k, struct arena *arena,
                                struct notifier_found *f)
{
    f->exists = f->rows.count == 1;
    return f->exists ? notifier_read(k, &f->rows, 0, 0, arena, &f->notifier) : OK_STATUS;
}

struct status notifier_find(struct operation *op, struct str name, struct notifier_found *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id), store_text(name)};
    TRY(store_query(op->worker->vault->store, &find_by_name, values, ARRAY_LEN(values),
                    &out->rows));
    return read_found(op->worker->vault->keyring, op->arena, out);
}

struct status notifier_load(struct session *s, const struct keyring *k, struct uuid id,
                            struct arena *arena, struct notifier_found *out)
{
    const struct store_value key[] = {store_uuid(id)};
    TRY(session_exec(s, &find_by_id, key, ARRAY_LEN(key), &out->rows));
    TRY(read_found(k, arena, out));
    if (!out->exists) {
        FAIL(NOT_FOUND, "the notifier is gone");
    }
    return OK_STATUS;
}

static struct envelope_binding binding_of(const struct notifier *n)
{
    return (struct envelope_binding){.namespace_id = n->namespace_id,
                                     .mount = n->mount,
                                     .table = "rotation_notifier",
                                     .column = "ciphertext",
                                     .row = n->id,
                                     .version = n->secret_version};
}

struct status notifier_seal(const struct keyring *k, struct notifier *n, struct bytes secret,
                            struct buffer *sealed)
{
    struct notifier next = *n;
    next.secret_version++;
    const struct envelope_binding binding = binding_of(&next);
    TRY(envelope_seal(k, &binding, secret, sealed, &next.key_epoch));
    next.ciphertext = buffer_bytes(sealed);
    *n = next;
    return OK_STATUS;
}

struct status notifier_open(const struct keyring *k, const struct notifier *n, struct secret **out)
{
    const struct envelope_binding binding = binding_of(n);
    return envelope_open(k, n->key_epoch, &binding, n->ciphertext, out);
}

static struct status change_row(struct session *s, const struct store_statement *statement,
                                const struct store_value *values, size_t count)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, statement, values, count, &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the notifier was changed by someone else meanwhile, try again");
    }
    return OK_STATUS;
}

static struct store_value text_list(const struct str *items, size_t count, struct store_value *room)
{
    for (size_t i = 0; i < count; i++) {
        room[i] = store_text(items[i]);
    }
    return store_array(STORE_TEXT, room, count);
}

struct status notifier_put(struct session *s, const struct keyring *k, const struct notifier *given)
{
    struct notifier n = *given;
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    struct store_value events[NOTICE_EVENT_COUNT];
    struct store_value credentials[NOTIFIER_PATTERNS_MAX];
    n.row_version++;
    TRY(begin_mac(&m, k, &n));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {
        store_uuid(n.id),
        store_int(n.namespace_id),
        store_uuid(n.mount),
        store_text(n.name),
        store_text(n.type),
        store_text(n.url),
        store_text(n.host),
        store_int(n.port),
        store_text(n.tls),
        store_text(n.username),
        store_text(n.sender),
        store_text(n.recipient),
        store_text(n.ca_file),
        text_list(n.events, n.event_count, events),
        text_list(n.credentials, n.credential_count, credentials),
        store_text(n.owner),
        store_bool(n.enabled),
        store_text(n.disabled_reason),
        store_int(n.secret_version),
        store_bytea(n.ciphertext),
        store_int(n.key_epoch),
        store_time(n.created_us),
        store_time(n.updated_us),
        store_int(n.row_version),
        store_bytea(BYTES_OF(mac)),
    };
    return change_row(s, n.row_version == 1 ? &insert_notifier : &update_notifier, values,
                      ARRAY_LEN(values));
}

struct store_job {
    const struct keyring *keyring;
    const struct notifier *notifier;
};

static struct status store_work_row(struct session *s, void *arg)
{
    const struct store_job *job = arg;
    return notifier_put(s, job->keyring, job->notifier);
}

struct status notifier_store(struct operation *op, const struct notifier *n)
{
    struct store_job job = {op->worker->vault->keyring, n};
    return operation_transact(op, store_work_row, &job);
}

static struct status remove_work(struct session *s, void *arg)
{
    const struct notifier *n = arg;
    const struct store_value values[] = {store_uuid(n->id), store_int(n->row_version)};
    return change_row(s, &delete_notifier, values, ARRAY_LEN(values));
}

struct status notifier_remove(struct operation *op, const struct notifier *n)
{
    struct notifier copy = *n;
    return operation_transact(op, remove_work, &copy);
}

struct status notifier_list(struct operation *op, struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id), store_int(LIMIT_LIST_PAGE)};
    return store_query(op->worker->vault->store, &list_notifiers, values, ARRAY_LEN(values), out);
}

bool notifier_is_webhook(const struct notifier *n)
{
    return str_equal_c(n->type, "webhook");
}

static bool has_event(const struct notifier *n, struct str event)
{
    for (size_t i = 0; i < n->event_count; i++) {
        if (str_equal(n->events[i], event)) {
            return true;
        }
    }
    return false;
}

static bool has_credential(const struct notifier *n, struct str name)
{
    for (size_t i = 0; i < n->credential_count; i++) {
        if (rules_pattern_matches(n->credentials[i], name)) {
            return true;
        }
    }
    return n->credential_count == 0;
}

bool notifier_wants(const struct notifier *n, const struct notice *notice)
{
    bool reached = notifier_is_webhook(n) || n->recipient.len > 0 || rules_is_mail(notice->owner);
    return uuid_equal(n->mount, notice->mount) && has_event(n, notice->event) &&
           has_credential(n, notice->credential) &&
           (n->owner.len == 0 || str_equal(n->owner, notice->owner)) && reached;
}

// ---- re-encryption

enum { ROW_ARENA_BYTES = 64 * 1024 };

static struct status read_row(const struct keyring *k, const struct store_rows *rows, int row,
                              struct arena *arena, struct notifier *out)
{
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    return notifier_read(k, rows, row, 0, arena, out);
}

static struct status read_cell(const struct keyring *k, const struct store_rows *rows, int row,
                               struct reseal_cell *out)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ROW_ARENA_BYTES);
    struct notifier n;
    out->id = store_get_uuid(rows, row, 0);
    TRY(read_row(k, rows, row, arena, &n));
    *out = (struct reseal_cell){.id = n.id,
                                .row_version = n.row_version,
                                .key_epoch = n.key_epoch,
                                .binding = binding_of(&n),
                                .ciphertext = n.ciphertext};
    return OK_STATUS;
}

static struct status new_mac(const struct keyring *k, const struct store_rows *rows, int row,
                             int64_t key_epoch, uint8_t out[ROW_MAC_BYTES])
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ROW_ARENA_BYTES);
    struct notifier n;
    struct row_mac m;
    TRY(read_row(k, rows, row, arena, &n));
    n.row_version++;
    n.key_epoch = key_epoch;
    TRY(begin_mac(&m, k, &n));
    row_mac_finish(&m, out);
    return OK_STATUS;
}

const struct reseal_table notifier_reseal_table = {
    .name = "rotation_notifier",
    .select = {"notify.reseal_notifiers",
               "SELECT " NOTIFIER_COLUMNS " FROM rotation_notifier f "
               "WHERE f.namespace_id = $1 AND f.key_epoch < $2 AND f.id <> ALL ($3) "
               "ORDER BY f.key_epoch LIMIT $4"},
    .update = {"notify.reseal_notifier",
               "WITH held AS (SELECT n.* FROM rotation_notifier f "
               "JOIN unnest($1, $2, $3, $4, $5) AS n(id, number, row_version, ciphertext, mac) "
               "ON f.id = n.id AND f.row_version = n.row_version - 1 "
               "WHERE f.key_epoch < $6 ORDER BY f.id FOR UPDATE OF f SKIP LOCKED) "
               "UPDATE rotation_notifier f SET ciphertext = h.ciphertext, key_epoch = $6, "
               "row_version = h.row_version, mac = h.mac FROM held h WHERE f.id = h.id "
               "RETURNING 1"},
    .read = read_cell,
    .mac = new_mac,
};
