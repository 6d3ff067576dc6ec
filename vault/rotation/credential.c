// SPDX-License-Identifier: ISC
#include "vault/rotation/credential.h"

#include <string.h>

#include "vault/base/log.h"
#include "vault/crypto/row_mac.h"

enum { STATE_COLUMN = CREDENTIAL_COLUMN_COUNT };

static const struct store_statement find_by_name = {
    "rotation.credential",
    "SELECT " CREDENTIAL_COLUMNS ", coalesce(a.state, ''), a.id, coalesce(a.error_class, ''), "
    "coalesce(a.error, ''), t.name, clock_timestamp() "
    "FROM rotation_credential c JOIN rotation_target t ON t.id = c.target_id "
    "LEFT JOIN rotation_attempt a ON a.credential_id = c.id AND a.open "
    "WHERE c.mount_id = $1 AND c.name = $2"};
static const struct store_statement lock_by_id = {
    "rotation.lock_credential", "SELECT " CREDENTIAL_COLUMNS ", '', NULL::uuid, '', '', '', "
                                "clock_timestamp() FROM rotation_credential c WHERE c.id = $1 "
                                "FOR UPDATE"};
static const struct store_statement insert_credential = {
    "rotation.insert_credential",
    "INSERT INTO rotation_credential (id, namespace_id, mount_id, name, target_id, kind, strategy, "
    "slots, accounts, account_settings, owner, purpose, interval_s, grace_s, jitter_s, cron, "
    "time_zone, windows, value_bits, value_alphabet, paused, expires_at, next_rotation_at, "
    "last_rotated_at, last_version, current_version, previous_version, previous_until, created_at, "
    "updated_at, row_version, mac, blackouts, value_rules, retire, retire_quiet_s, retire_max_s, "
    "moved_from, moved_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
    "$14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, "
    "$32, $33, $34, $35, $36, $37, $38, $39) ON CONFLICT DO NOTHING RETURNING 1"};
// What a credential is (its mount, name, target, kind, strategy and accounts) never changes.
static const struct store_statement update_credential = {
    "rotation.update_credential",
    "UPDATE rotation_credential SET slots = $8, account_settings = $10, owner = $11, purpose = "
    "$12, "
    "interval_s = $13, grace_s = $14, jitter_s = $15, cron = $16, time_zone = $17, windows = $18, "
    "value_bits = $19, value_alphabet = $20, paused = $21, expires_at = $22, "
    "next_rotation_at = $23, last_rotated_at = $24, last_version = $25, current_version = $26, "
    "previous_version = $27, previous_until = $28, updated_at = $30, row_version = $31, mac = $32, "
    "blackouts = $33, value_rules = $34, retire = $35, retire_quiet_s = $36, retire_max_s = $37, "
    "moved_from = $38, moved_by = $39 "
    "WHERE id = $1 AND namespace_id = $2 AND mount_id = $3 AND name = $4 AND target_id = $5 "
    "AND kind = $6 AND strategy = $7 AND accounts = $9 AND created_at = $29 "
    "AND row_version = $31 - 1 RETURNING 1"};

// Columns of after the first version: with their names, and only what isn't left at its default.
static void mac_later_text(struct row_mac *m, const char *column, struct str value)
{
    if (value.len > 0) {
        row_mac_str(m, str_from_c(column));
        row_mac_str(m, value);
    }
}

static void mac_later_int(struct row_mac *m, const char *column, int64_t value)
{
    if (value != 0) {
        row_mac_str(m, str_from_c(column));
        row_mac_int(m, value);
    }
}

static void mac_later(struct row_mac *m, const struct credential *c)
{
    mac_later_text(m, "blackouts", c->blackouts);
    mac_later_text(m, "value_rules", c->value_rules);
    mac_later_text(m, "retire", c->retire);
    mac_later_int(m, "retire_quiet_s", c->retire_quiet_s);
    mac_later_int(m, "retire_max_s", c->retire_max_s);
    mac_later_int(m, "moved_from", c->moved_from_us);
    mac_later_text(m, "moved_by", c->moved_by);
}

static struct status begin_mac(struct row_mac *m, const struct keyring *k,
                               const struct credential *c)
{
    TRY(row_mac_begin(m, k, c->namespace_id, "rotation_credential", c->id, c->row_version));
    row_mac_uuid(m, c->mount);
    row_mac_str(m, c->name);
    row_mac_uuid(m, c->target);
    row_mac_int(m, c->kind);
    row_mac_str(m, c->strategy);
    row_mac_int(m, c->slots);
    row_mac_strs(m, c->accounts, c->account_count);
    row_mac_str(m, c->account_settings);
    row_mac_str(m, c->owner);
    row_mac_str(m, c->purpose);
    row_mac_int(m, c->interval_s);
    row_mac_int(m, c->grace_s);
    row_mac_int(m, c->jitter_s);
    row_mac_str(m, c->cron);
    row_mac_str(m, c->time_zone);
    row_mac_str(m, c->windows);
    row_mac_int(m, c->value_bits);
    row_mac_str(m, c->value_alphabet);
    row_mac_bool(m, c->paused);
    row_mac_int(m, c->expires_us);
    row_mac_int(m, c->next_rotation_us);
    row_mac_int(m, c->last_rotated_us);
    row_mac_int(m, c->last_version);
    row_mac_int(m, c->current_version);
    row_mac_int(m, c->previous_version);
    row_mac_int(m, c->previous_until_us);
    row_mac_int(m, c->created_us);
    row_mac_int(m, c->updated_us);
    mac_later(m, c);
    return OK_STATUS;
}

static struct status read_accounts(const struct store_rows *rows, int row, int column,
                                   struct arena *arena, struct credential *c)
{
    struct str *accounts;
    TRY(store_get_texts(rows, row, column, arena, &accounts, &c->account_count));
    if (c->account_count == 0 || c->account_count > CREDENTIAL_ACCOUNTS_MAX) {
        FAIL(INTEGRITY, "a credential has one or two accounts");
    }
    memcpy(c->accounts, accounts, c->account_count * sizeof *accounts);
    return OK_STATUS;
}

static void read_later(const struct store_rows *rows, int row, int column, struct credential *c)
{
    int i = column;
    c->blackouts = store_get_text(rows, row, i++);
    c->value_rules = store_get_text(rows, row, i++);
    c->retire = store_get_text(rows, row, i++);
    c->retire_quiet_s = store_get_int(rows, row, i++);
    c->retire_max_s = store_get_int(rows, row, i++);
    c->moved_from_us = store_get_time(rows, row, i++);
    c->moved_by = store_get_text(rows, row, i);
}

struct status credential_read(const struct keyring *k, const struct store_rows *rows, int row,
                              int column, struct arena *arena, struct credential *out)
{
    int i = column;
    struct credential c = {0};
    c.id = store_get_uuid(rows, row, i++);
    c.namespace_id = store_get_int(rows, row, i++);
    c.mount = store_get_uuid(rows, row, i++);
    c.name = store_get_text(rows, row, i++);
    c.target = store_get_uuid(rows, row, i++);
    c.kind = store_get_int(rows, row, i++);
    c.strategy = store_get_text(rows, row, i++);
    c.slots = store_get_int(rows, row, i++);
    TRY(read_accounts(rows, row, i++, arena, &c));
    c.account_settings = store_get_text(rows, row, i++);
    c.owner = store_get_text(rows, row, i++);
    c.purpose = store_get_text(rows, row, i++);
    c.interval_s = store_get_int(rows, row, i++);
    c.grace_s = store_get_int(rows, row, i++);
    c.jitter_s = store_get_int(rows, row, i++);
    c.cron = store_get_text(rows, row, i++);
    c.time_zone = store_get_text(rows, row, i++);
    c.windows = store_get_text(rows, row, i++);
    c.value_bits = store_get_int(rows, row, i++);
    c.value_alphabet = store_get_text(rows, row, i++);
    c.paused = store_get_bool(rows, row, i++);
    c.expires_us = store_get_time(rows, row, i++);
    c.next_rotation_us = store_get_time(rows, row, i++);
    c.last_rotated_us = store_get_time(rows, row, i++);
    c.last_version = store_get_int(rows, row, i++);
    c.current_version = store_get_int(rows, row, i++);
    c.previous_version = store_get_int(rows, row, i++);
    c.previous_until_us = store_get_time(rows, row, i++);
    c.created_us = store_get_time(rows, row, i++);
    c.updated_us = store_get_time(rows, row, i++);
    c.row_version = store_get_int(rows, row, i++);
    struct bytes mac = store_get_bytes(rows, row, i++);
    read_later(rows, row, i, &c);
    struct row_mac m;
    TRY(begin_mac(&m, k, &c));
    struct status s = row_mac_check(&m, mac);
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "rotation.credential_altered", LOG_UUID("credential", c.id));
        return s;
    }
    *out = c;
    return OK_STATUS;
}

void credential_found_done(struct credential_found *f)
{
    store_rows_done(&f->rows);
}

static struct status read_found(const struct keyring *k, struct arena *arena,
                                struct credential_found *f)
{
    f->exists = f->rows.count == 1;
    if (!f->exists) {
        return OK_STATUS;
    }
    f->state = store_get_text(&f->rows, 0, STATE_COLUMN);
    f->attempt = store_get_uuid(&f->rows, 0, STATE_COLUMN + 1);
    f->error_class = store_get_text(&f->rows, 0, STATE_COLUMN + 2);
    f->error = store_get_text(&f->rows, 0, STATE_COLUMN + 3);
    f->target_name = store_get_text(&f->rows, 0, STATE_COLUMN + 4);
    f->now_us = store_get_time(&f->rows, 0, STATE_COLUMN + 5);
    return credential_read(k, &f->rows, 0, 0, arena, &f->credential);
}

struct status credential_find(struct operation *op, struct str name, struct credential_found *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id), store_text(name)};
    TRY(store_query(op->worker->vault->store, &find_by_name, values, ARRAY_LEN(values),
                    &out->rows));
    return read_found(op->worker->vault->keyring, op->arena, out);
}

struct status credential_lock(struct session *s, const struct keyring *k, struct uuid id,
                              struct arena *arena, struct credential_found *out)
{
    const struct store_value values[] = {store_uuid(id)};
    TRY(session_exec(s, &lock_by_id, values, ARRAY_LEN(values), &out->rows));
    TRY(read_found(k, arena, out));
    if (!out->exists) {
        FAIL(NOT_FOUND, "the credential is gone");
    }
    return OK_STATUS;
}

static struct status make_mac(const struct keyring *k, const struct credential *c,
                              uint8_t out[ROW_MAC_BYTES])
{
    struct row_mac m;
    TRY(begin_mac(&m, k, c));
    row_mac_finish(&m, out);
    return OK_STATUS;
}

struct status credential_store(struct session *s, const struct keyring *k,
                               const struct credential *given)
{
    struct credential c = *given;
    uint8_t mac[ROW_MAC_BYTES];
    struct store_value accounts[CREDENTIAL_ACCOUNTS_MAX];
    c.row_version++;
    TRY(make_mac(k, &c, mac));
    for (size_t i = 0; i < c.account_count; i++) {
        accounts[i] = store_text(c.accounts[i]);
    }
    const struct store_value values[CREDENTIAL_COLUMN_COUNT] = {
        store_uuid(c.id),
        store_int(c.namespace_id),
        store_uuid(c.mount),
        store_text(c.name),
        store_uuid(c.target),
        store_int(c.kind),
        store_text(c.strategy),
        store_int(c.slots),
        store_array(STORE_TEXT, accounts, c.account_count),
        store_text(c.account_settings),
        store_text(c.owner),
        store_text(c.purpose),
        store_int(c.interval_s),
        store_int(c.grace_s),
        store_int(c.jitter_s),
        store_text(c.cron),
        store_text(c.time_zone),
        store_text(c.windows),
        store_int(c.value_bits),
        store_text(c.value_alphabet),
        store_bool(c.paused),
        store_time(c.expires_us),
        store_time(c.next_rotation_us),
        store_time(c.last_rotated_us),
        store_int(c.last_version),
        store_int(c.current_version),
        store_int(c.previous_version),
        store_time(c.previous_until_us),
        store_time(c.created_us),
        store_time(c.updated_us),
        store_int(c.row_version),
        store_bytea(BYTES_OF(mac)),
        store_text(c.blackouts),
        store_text(c.value_rules),
        store_text(c.retire),
        store_int(c.retire_quiet_s),
        store_int(c.retire_max_s),
        store_time(c.moved_from_us),
        store_text(c.moved_by),
    };
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, c.row_version == 1 ? &insert_credential : &update_credential, values,
                     ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the credential was changed by someone else meanwhile, try again");
    }
    return OK_STATUS;
}

bool credential_is_pair(const struct credential *c)
{
    return c->account_count == 2;
}

struct str credential_next_account(const struct credential *c, struct str current_account)
{
    bool second = credential_is_pair(c) && str_equal(c->accounts[0], current_account);
    return c->accounts[second ? 1 : 0];
}

bool credential_overlaps(const struct credential *c)
{
    return credential_is_pair(c) || c->slots > 1;
}

int64_t credential_spread_us(const struct credential *c)
{
    // The last octets of the id are random, so credentials of one hour spread over the jitter.
    uint32_t random;
    memcpy(&random, c->id.octets + sizeof c->id.octets - sizeof random, sizeof random);
    return c->jitter_s == 0 ? 0 : (int64_t)random % (c->jitter_s + 1) * CLOCK_SECOND;
}

bool credential_has_windows(const struct credential *c)
{
    return c->windows.len > strlen("[]") || c->blackouts.len > strlen("[]");
}

bool credential_retires_by_use(const struct credential *c)
{
    return str_equal_c(c->retire, "use");
}

int64_t credential_previous_ends_us(const struct credential *c)
{
    return credential_retires_by_use(c) ? c->last_rotated_us + c->grace_s * CLOCK_SECOND
                                        : c->previous_until_us;
}

void credential_copy_rules(struct credential *c, const struct credential *from)
{
    c->account_settings = from->account_settings;
    c->owner = from->owner;
    c->purpose = from->purpose;
    c->interval_s = from->interval_s;
    c->grace_s = from->grace_s;
    c->jitter_s = from->jitter_s;
    c->cron = from->cron;
    c->time_zone = from->time_zone;
    c->windows = from->windows;
    c->blackouts = from->blackouts;
    c->value_bits = from->value_bits;
    c->value_alphabet = from->value_alphabet;
    c->value_rules = from->value_rules;
    c->retire = from->retire;
    c->retire_quiet_s = from->retire_quiet_s;
    c->retire_max_s = from->retire_max_s;
    c->expires_us = from->expires_us;
    c->updated_us = from->updated_us;
}

bool credential_same_schedule(const struct credential *a, const struct credential *b)
{
    return a->interval_s == b->interval_s && a->jitter_s == b->jitter_s &&
           str_equal(a->cron, b->cron) && str_equal(a->time_zone, b->time_zone) &&
           str_equal(a->windows, b->windows) && str_equal(a->blackouts, b->blackouts);
}

static bool same_values(const struct credential *a, const struct credential *b)
{
    return a->value_bits == b->value_bits && str_equal(a->value_alphabet, b->value_alphabet) &&
           str_equal(a->value_rules, b->value_rules);
}

bool credential_same_rules(const struct credential *a, const struct credential *b)
{
    return credential_same_schedule(a, b) && same_values(a, b) &&
           str_equal(a->account_settings, b->account_settings) && str_equal(a->owner, b->owner) &&
           str_equal(a->purpose, b->purpose) && a->grace_s == b->grace_s &&
           str_equal(a->retire, b->retire) && a->retire_quiet_s == b->retire_quiet_s &&
           a->retire_max_s == b->retire_max_s && a->expires_us == b->expires_us;
}
