// SPDX-License-Identifier: ISC
// A target: a system where credentials live, and the credential that the rotator itself uses there.
// Rows of rotation_target. Text is borrowed from the rows that it was read from.
#pragma once

#include "vault/core/operation.h"
#include "vault/core/reseal.h"
#include "vault/crypto/keyring.h"

struct target {
    struct uuid id;
    int64_t namespace_id;
    struct uuid mount;
    struct str name;
    struct str rotator;
    struct str principal;
    struct str settings;    // JSON object of texts
    int64_t concurrency;    // attempts at work there at once
    int64_t timeout_s;      // of one step at the target
    int64_t secret_version; // the ciphertext is bound to it
    struct bytes ciphertext;
    int64_t key_epoch;
    int64_t created_us;
    int64_t updated_us;
    int64_t row_version; // 0: not stored yet
};

enum {
    TARGET_CONCURRENCY = 4,
    TARGET_CONCURRENCY_MAX = 64,
    TARGET_TIMEOUT_S = 20,
    TARGET_SECRET_BYTES = 4096,
};

// The columns that target_read() expects, of a table aliased t.
#define TARGET_COLUMNS                                                                             \
    "t.id, t.namespace_id, t.mount_id, t.name, t.rotator, t.principal, t.settings, "               \
    "t.concurrency, t.timeout_s, t.secret_version, t.ciphertext, t.key_epoch, t.created_at, "      \
    "t.updated_at, t.row_version, t.mac"
enum { TARGET_COLUMN_COUNT = 16 };

// INTEGRITY when the row was altered; SEALED.
struct status target_read(const struct keyring *k, const struct store_rows *rows, int row,
                          int column, struct target *out);

// A target with the rows that it is borrowed from.
struct target_found {
    struct store_rows rows;
    bool exists;
    struct target target;
};
void target_found_done(struct target_found *f); // for CLEANUP

// On a fiber. That there is none is no failure. INTEGRITY, UNAVAILABLE.
struct status target_find(struct operation *op, struct str name, struct target_found *out);

// Seals another secret into the row; `sealed` keeps the ciphertext.
struct status target_seal(const struct keyring *k, struct target *t, struct bytes secret,
                          struct buffer *sealed);
struct status target_open(const struct keyring *k, const struct target *t, struct secret **out);

// Inserts or replaces the row that has `t->row_version`. CONFLICT when someone else came first, or
// the principal is an account that is in care. `new_secret`: a person gave another secret, which
// ends a change of the old one.
struct status target_store(struct operation *op, const struct target *t, bool new_secret);
// The same in a session's transaction.
struct status target_replace(struct session *s, const struct keyring *k, const struct target *t,
                             bool new_secret);
// In a session's transaction: the row, locked; and writing it without another look.
struct status target_lock(struct session *s, const struct keyring *k, struct uuid id,
                          struct target_found *out);
struct status target_put(struct session *s, const struct keyring *k, const struct target *t);
// CONFLICT while credentials live there or its own is being changed, or when it was changed
// meanwhile.
struct status target_remove(struct operation *op, const struct target *t);
// One column of names, in order. Release with store_rows_done().
struct status target_list(struct operation *op, struct store_rows *out);
// One column: the accounts there that are in the care of a credential, in order, at most `limit`.
struct status target_accounts(struct operation *op, const struct target *t, int64_t limit,
                              struct store_rows *out);

extern const struct reseal_table target_reseal_table;
