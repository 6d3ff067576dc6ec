// SPDX-License-Identifier: ISC
// A credential: one or two accounts at a target whose value the vault replaces. Rows of
// rotation_credential, which say which version is served. Text is borrowed from the rows that it
// was read from, lists are in the arena.
#pragma once

#include "vault/rotation/target.h"

enum { CREDENTIAL_ACCOUNTS_MAX = 2, CREDENTIAL_BITS = 160 };

struct credential {
    struct uuid id;
    int64_t namespace_id;
    struct uuid mount;
    struct str name;
    struct uuid target;
    int64_t kind;        // enum rotunda_kind
    struct str strategy; // "single": one account; "pair": two that take turns
    int64_t slots;       // values of one account valid side by side
    struct str accounts[CREDENTIAL_ACCOUNTS_MAX];
    size_t account_count;
    struct str account_settings; // JSON object of texts
    struct str owner;
    struct str purpose;
    int64_t interval_s;
    int64_t grace_s;
    int64_t jitter_s;
    struct str cron;
    struct str time_zone;
    struct str windows; // JSON list
    int64_t value_bits;
    struct str value_alphabet; // empty: PASSWORD_BASE64URL
    bool paused;
    int64_t expires_us;
    int64_t next_rotation_us;
    int64_t last_rotated_us; // 0: never
    int64_t last_version;    // the highest number ever given out
    int64_t current_version; // 0: none yet
    int64_t previous_version;
    int64_t previous_until_us;
    int64_t created_us;
    int64_t updated_us;
    int64_t row_version; // 0: not stored yet
    // Empty or 0: not said.
    struct str blackouts;   // JSON list
    struct str value_rules; // value_rules.h
    struct str retire;      // "use": not while the previous value is in use
    int64_t retire_quiet_s; // unread for so long
    int64_t retire_max_s;   // and after so long whatever is in use
    int64_t moved_from_us;  // where the schedule had put the next rotation; 0: it stayed there
    struct str moved_by;    // "window" or "blackout"
};

// What credential_read() expects, of a table aliased c.
#define CREDENTIAL_COLUMNS                                                                         \
    "c.id, c.namespace_id, c.mount_id, c.name, c.target_id, c.kind, c.strategy, c.slots, "         \
    "c.accounts, c.account_settings, c.owner, c.purpose, c.interval_s, c.grace_s, c.jitter_s, "    \
    "c.cron, c.time_zone, c.windows, c.value_bits, c.value_alphabet, c.paused, c.expires_at, "     \
    "c.next_rotation_at, c.last_rotated_at, c.last_version, c.current_version, "                   \
    "c.previous_version, c.previous_until, c.created_at, c.updated_at, c.row_version, c.mac, "     \
    "c.blackouts, c.value_rules, c.retire, c.retire_quiet_s, c.retire_max_s, c.moved_from, "       \
    "c.moved_by"
enum { CREDENTIAL_COLUMN_COUNT = 39 };

// INTEGRITY when the row was altered; SEALED, NOMEM.
struct status credential_read(const struct keyring *k, const struct store_rows *rows, int row,
                              int column, struct arena *arena, struct credential *out);
// With the rows that it is borrowed from.
struct credential_found {
    struct store_rows rows;
    bool exists;
    struct credential credential;
    struct str state;       // of its open attempt; empty: there is none
    struct uuid attempt;    // nil: there is none
    struct str error_class; // of its open attempt
    struct str error;
    struct str target_name;
    int64_t now_us; // the database's clock
};
void credential_found_done(struct credential_found *f); // for CLEANUP

// On a fiber. That there is none is no failure. INTEGRITY, UNAVAILABLE.
struct status credential_find(struct operation *op, struct str name, struct credential_found *out);
// In a session's transaction, locked until its end. NOT_FOUND.
struct status credential_lock(struct session *s, const struct keyring *k, struct uuid id,
                              struct arena *arena, struct credential_found *out);
// Inserts or replaces the row that has `given->row_version`. CONFLICT.
struct status credential_store(struct session *s, const struct keyring *k,
                               const struct credential *given);

bool credential_is_pair(const struct credential *c);
// The account that the next version belongs to: the one that isn't served now.
struct str credential_next_account(const struct credential *c, struct str current_account);
// Two of its values can be valid at the target at once.
bool credential_overlaps(const struct credential *c);
// What it adds to each date: the same every time, up to its jitter.
int64_t credential_spread_us(const struct credential *c);
// There are times at which it isn't to be rotated.
bool credential_has_windows(const struct credential *c);
bool credential_retires_by_use(const struct credential *c);
// When the previous value ends at the earliest.
int64_t credential_previous_ends_us(const struct credential *c);
// Takes over the rules of `from`: schedule, values, retirement, owner.
void credential_copy_rules(struct credential *c, const struct credential *from);
bool credential_same_rules(const struct credential *a, const struct credential *b);
bool credential_same_schedule(const struct credential *a, const struct credential *b);
