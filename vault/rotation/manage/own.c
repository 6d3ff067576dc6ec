// SPDX-License-Identifier: ISC
#include "vault/rotation/manage/own.h"

#include "vault/base/log.h"
#include "vault/crypto/envelope.h"
#include "vault/crypto/row_mac.h"
#include "vault/rotation/manage/own_internal.h"

static const struct store_statement update_own = {
    "rotation.update_own",
    "UPDATE rotation_target_change SET state = $4, first_fence = $5, "
    "ciphertext = CASE WHEN $6 THEN ciphertext END, key_epoch = CASE WHEN $6 THEN key_epoch END, "
    "mac = $7, row_version = $3 + 1, tries = $8, error_class = $9, error = $10, "
    "lease_until = clock_timestamp() + $11 * interval '1 microsecond', "
    "next_step_at = clock_timestamp() + $12 * interval '1 microsecond', "
    "changed_at = clock_timestamp() WHERE id = $1 AND fence = $2 AND row_version = $3 AND open "
    "RETURNING 1"};
static const struct store_statement find_open = {
    "rotation.open_own", "SELECT " OWN_COLUMNS " FROM rotation_target_change o "
                         "WHERE o.target_id = $1 AND o.open FOR UPDATE"};
static const struct store_statement list_own = {
    "rotation.list_own", "SELECT " OWN_COLUMNS " FROM rotation_target_change o "
                         "WHERE o.target_id = $1 ORDER BY o.created_at DESC LIMIT $2"};
static const struct store_statement find_motion = {
    "rotation.own_motion",
    "SELECT t.secret_version > $2 OR o.state = 'applying', " OWN_IS_BLOCKED
    " FROM rotation_target t LEFT JOIN rotation_target_change o ON o.target_id = t.id AND o.open "
    "WHERE t.id = $1"};
static const struct store_statement list_stuck = {
    "rotation.own_stuck",
    "SELECT t.name, " OWN_IS_BLOCKED ", o.error_class, o.error, o.tries, o.created_at "
    "FROM rotation_target_change o JOIN rotation_target t ON t.id = o.target_id "
    "WHERE t.mount_id = $1 AND o.open AND o.error_class <> '' ORDER BY 2 DESC, t.name LIMIT $2"};

static const char *const state_names[OWN_STATE_COUNT] = {
    [OWN_STAGED] = "staged",
    [OWN_APPLYING] = "applying",
    [OWN_PROMOTED] = "promoted",
    [OWN_ABANDONED] = "abandoned",
};

struct str own_state_name(enum own_state state)
{
    return str_from_c(state_names[state]);
}

bool own_is_blocked(enum own_state state, int64_t tries, struct str error_class)
{
    static const char *const certain[] = {"not_permitted", "invalid", "untrusted",
                                          "policy_rejected", "fenced"};
    bool open = state == OWN_STAGED || state == OWN_APPLYING;
    for (size_t i = 0; open && tries >= OWN_BLOCKED_TRIES && i < ARRAY_LEN(certain); i++) {
        if (str_equal_c(error_class, certain[i])) {
            return true;
        }
    }
    return false;
}

struct str own_shown_state(const struct own *o)
{
    return own_is_blocked(o->state, o->tries, o->error_class) ? STR("blocked")
                                                              : own_state_name(o->state);
}

static struct status parse_state(struct str name, enum own_state *out)
{
    for (int i = 0; i < OWN_STATE_COUNT; i++) {
        if (str_equal_c(name, state_names[i])) {
            *out = (enum own_state)i;
            return OK_STATUS;
        }
    }
    FAIL(INTEGRITY, "a stored state of a target's change is unknown");
}

static struct status begin_mac(struct row_mac *m, const struct keyring *k, const struct own *o)
{
    TRY(row_mac_begin(m, k, o->namespace_id, "rotation_target_change", o->id, o->row_version));
    row_mac_uuid(m, o->target);
    row_mac_int(m, (int64_t)o->state);
    row_mac_str(m, o->principal);
    row_mac_bytes(m, o->salt);
    row_mac_int(m, o->key_epoch);
    row_mac_bytes(m, o->recovery_public);
    row_mac_bytes(m, o->recovery_wrapped);
    row_mac_bytes(m, o->recovery_copy);
    row_mac_int(m, o->first_fence);
    row_mac_int(m, o->created_us);
    return OK_STATUS;
}

struct status own_mac(const struct keyring *k, const struct own *o, uint8_t out[ROW_MAC_BYTES])
{
    struct row_mac m;
    TRY(begin_mac(&m, k, o));
    row_mac_finish(&m, out);
    return OK_STATUS;
}

struct status own_read(const struct keyring *k, const struct store_rows *rows, int row, int column,
                       struct own *out)
{
    int c = column;
    struct own o;
    o.id = store_get_uuid(rows, row, c++);
    o.namespace_id = store_get_int(rows, row, c++);
    o.target = store_get_uuid(rows, row, c++);
    TRY(parse_state(store_get_text(rows, row, c++), &o.state));
    o.principal = store_get_text(rows, row, c++);
    o.salt = store_get_bytes(rows, row, c++);
    o.ciphertext = store_get_bytes(rows, row, c++);
    o.key_epoch = store_get_null(rows, row, c) ? 0 : store_get_int(rows, row, c);
    c++;
    o.recovery_public = store_get_bytes(rows, row, c++);
    o.recovery_wrapped = store_get_bytes(rows, row, c++);
    o.recovery_copy = store_get_bytes(rows, row, c++);
    o.first_fence = store_get_int(rows, row, c++);
    o.created_us = store_get_time(rows, row, c++);
    o.row_version = store_get_int(rows, row, c++);
    struct bytes mac = store_get_bytes(rows, row, c++);
    o.fence = store_get_int(rows, row, c++);
    o.tries = store_get_int(rows, row, c++);
    o.error_class = store_get_text(rows, row, c++);
    o.error = store_get_text(rows, row, c);
    struct row_mac m;
    TRY(begin_mac(&m, k, &o));
    struct status s = row_mac_check(&m, mac);
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "rotation.target_change_altered", LOG_UUID("change", o.id));
        return s;
    }
    *out = o;
    return OK_STATUS;
}

struct envelope_binding own_binding(struct uuid mount, const struct own *o)
{
    return (struct envelope_binding){.namespace_id = o->namespace_id,
                                     .mount = mount,
                                     .table = "rotation_target_change",
                                     .column = "ciphertext",
                                     .row = o->id,
                                     .version = 1};
}

struct status own_open(const struct keyring *k, struct uuid mount, const struct own *o,
                       struct secret **out)
{
    const struct envelope_binding binding = own_binding(mount, o);
    return envelope_open(k, o->key_epoch, &binding, o->ciphertext, out);
}

struct status own_list(struct operation *op, const struct target *t, struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(t->id), store_int(OWN_COPIES_MAX)};
    return store_query(op->worker->vault->store, &list_own, values, ARRAY_LEN(values), out);
}

struct status own_change(struct session *s, const struct keyring *k, const struct own *o,
                         const struct own_update *u)
{
    struct own next = *o;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    uint8_t mac[ROW_MAC_BYTES];
    bool keep = u->state == OWN_STAGED || u->state == OWN_APPLYING;
    next.state = u->state;
    next.first_fence = u->first_fence;
    next.key_epoch = keep ? o->key_epoch : 0;
    next.row_version++;
    TRY(own_mac(k, &next, mac));
    const struct store_value values[] = {
        store_uuid(o->id),
        store_int(o->fence),
        store_int(o->row_version),
        store_text(own_state_name(u->state)),
        store_int(u->first_fence),
        store_bool(keep),
        store_bytea(BYTES_OF(mac)),
        store_int(u->tries),
        store_text(str_from_c(u->error_class)),
        store_text(u->error_class == NULL ? STR("") : u->error),
        store_int(u->lease_us),
        store_int(u->delay_us),
    };
    TRY(session_exec(s, &update_own, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "someone else has the change of the target's own credential");
    }
    return OK_STATUS;
}

struct status own_give_up(struct session *s, const struct keyring *k, struct uuid target)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_uuid(target)};
    struct own o;
    TRY(session_exec(s, &find_open, values, ARRAY_LEN(values), &rows));
    if (rows.count == 0) {
        return OK_STATUS;
    }
    TRY(own_read(k, &rows, 0, 0, &o));
    const struct own_update end = {.state = OWN_ABANDONED,
                                   .first_fence = o.first_fence,
                                   .error_class = "given_up",
                                   .error = STR("somebody gave the target another password")};
    return own_change(s, k, &o, &end);
}

static bool is_set(const struct store_rows *rows, int column)
{
    return !store_get_null(rows, 0, column) && store_get_bool(rows, 0, column);
}

struct status own_look(struct store *store, const struct target *t, enum own_motion *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_uuid(t->id), store_int(t->secret_version)};
    TRY(store_query(store, &find_motion, values, ARRAY_LEN(values), &rows));
    bool moves = rows.count > 0 && is_set(&rows, 0);
    bool waits = rows.count > 0 && is_set(&rows, 1);
    *out = waits ? OWN_WAITS : moves ? OWN_MOVES : OWN_RESTS;
    return OK_STATUS;
}

struct status own_list_stuck(struct operation *op, struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id), store_int(LIMIT_LIST_PAGE)};
    return store_query(op->worker->vault->store, &list_stuck, values, ARRAY_LEN(values), out);
}

// ---- re-encryption

// The mount comes behind the columns.
static struct status read_cell(const struct keyring *k, const struct store_rows *rows, int row,
                               struct reseal_cell *out)
{
    struct own o;
    out->id = store_get_uuid(rows, row, 0);
    TRY(own_read(k, rows, row, 0, &o));
    struct uuid mount = store_get_uuid(rows, row, OWN_COLUMN_COUNT);
    *out = (struct reseal_cell){.id = o.id,
                                .row_version = o.row_version,
                                .key_epoch = o.key_epoch,
                                .binding = own_binding(mount, &o),
                                .ciphertext = o.ciphertext};
    return OK_STATUS;
}

static struct status new_mac(const struct keyring *k, const struct store_rows *rows, int row,
                             int64_t key_epoch, uint8_t out[ROW_MAC_BYTES])
{
    struct own o;
    TRY(own_read(k, rows, row, 0, &o));
    o.row_version++;
    o.key_epoch = key_epoch;
    return own_mac(k, &o, out);
}

// Not while somebody is at work on it: who has just changed the target would lose the race to say
// so, and everything there would wait for the lease to pass.
const struct reseal_table own_reseal_table = {
    .name = "rotation_target_change",
    .select = {"rotation.reseal_own",
               "SELECT " OWN_COLUMNS ", t.mount_id FROM rotation_target_change o "
               "JOIN rotation_target t ON t.id = o.target_id "
               "WHERE o.namespace_id = $1 AND o.key_epoch < $2 AND o.id <> ALL ($3) "
               "AND o.lease_until <= clock_timestamp() ORDER BY o.key_epoch LIMIT $4"},
    .update = {"rotation.reseal_own_value",
               "WITH held AS (SELECT n.* FROM rotation_target_change o "
               "JOIN unnest($1, $2, $3, $4, $5) AS n(id, number, row_version, ciphertext, mac) "
               "ON o.id = n.id AND o.row_version = n.row_version - 1 "
               "WHERE o.key_epoch < $6 AND o.lease_until <= clock_timestamp() "
               "ORDER BY o.id FOR UPDATE OF o SKIP LOCKED) "
               "UPDATE rotation_target_change o SET ciphertext = h.ciphertext, key_epoch = $6, "
               "row_version = h.row_version, mac = h.mac FROM held h WHERE o.id = h.id "
               "RETURNING 1"},
    .read = read_cell,
    .mac = new_mac,
};
