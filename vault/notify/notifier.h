// SPDX-License-Identifier: ISC
// A notifier: somebody who wants to hear of what happens to credentials of a mount, and how to
// reach them. Rows of rotation_notifier. Text is borrowed from the rows that it was read from,
// lists are in the arena.
#pragma once

#include "vault/core/operation.h"
#include "vault/core/reseal.h"
#include "vault/rotation/notice.h"

enum {
    NOTIFIER_PATTERNS_MAX = 64,
    NOTIFIER_PASSWORD_BYTES = 1024,
    NOTIFIER_SEALED_BYTES = 4096,
};

struct notifier {
    struct uuid id;
    int64_t namespace_id;
    struct uuid mount;
    struct str name;
    struct str type;      // "webhook" or "smtp"
    struct str url;       // webhook
    struct str host;      // smtp, and what follows
    int64_t port;         //
    struct str tls;       // "starttls", "implicit", "none"
    struct str username;  // empty: no login
    struct str sender;    //
    struct str recipient; // empty: the owner of each credential
    struct str ca_file;   // empty: the system's authorities
    const struct str *events;
    size_t event_count;
    const struct str *credentials; // patterns of names; none: all
    size_t credential_count;
    struct str owner; // empty: any
    bool enabled;
    struct str disabled_reason;
    int64_t secret_version; // the ciphertext is bound to it
    struct bytes ciphertext;
    int64_t key_epoch;
    int64_t created_us;
    int64_t updated_us;
    int64_t row_version; // 0: not stored yet
    // Outside of the MAC
    int64_t failures;
    int64_t hold_until_us;
};

// The columns that notifier_read() expects, of a table aliased f.
#define NOTIFIER_COLUMNS                                                                           \
    "f.id, f.namespace_id, f.mount_id, f.name, f.type, f.url, f.host, f.port, f.tls, f.username, " \
    "f.sender, f.recipient, f.ca_file, f.events, f.credentials, f.owner, f.enabled, "              \
    "f.disabled_reason, f.secret_version, f.ciphertext, f.key_epoch, f.created_at, f.updated_at, " \
    "f.row_version, f.mac, f.failures, f.hold_until"
enum { NOTIFIER_COLUMN_COUNT = 27 };

// INTEGRITY when the row was altered; SEALED, NOMEM.
struct status notifier_read(const struct keyring *k, const struct store_rows *rows, int row,
                            int column, struct arena *arena, struct notifier *out);

struct notifier_found {
    struct store_rows rows;
    bool exists;
    struct notifier notifier;
};
void notifier_found_done(struct notifier_found *f); // for CLEANUP

// On a fiber. That there is none is no failure. INTEGRITY, UNAVAILABLE.
struct status notifier_find(struct operation *op, struct str name, struct notifier_found *out);
// In a session's transaction. NOT_FOUND.
struct status notifier_load(struct session *s, const struct keyring *k, struct uuid id,
                            struct arena *arena, struct notifier_found *out);

// Seals another secret into the row; `sealed` keeps the ciphertext.
struct status notifier_seal(const struct keyring *k, struct notifier *n, struct bytes secret,
                            struct buffer *sealed);
struct status notifier_open(const struct keyring *k, const struct notifier *n, struct secret **out);

// Inserts or replaces the row that has `n->row_version`, in a session's transaction. CONFLICT.
struct status notifier_put(struct session *s, const struct keyring *k, const struct notifier *n);
struct status notifier_store(struct operation *op, const struct notifier *n);
struct status notifier_remove(struct operation *op, const struct notifier *n);
// One column of names, in order. Release with store_rows_done().
struct status notifier_list(struct operation *op, struct store_rows *out);

bool notifier_is_webhook(const struct notifier *n);
// Does it want this notice, and can it be told? The database chose by the same rule.
bool notifier_wants(const struct notifier *n, const struct notice *notice);

extern const struct reseal_table notifier_reseal_table;
