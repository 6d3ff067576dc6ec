// SPDX-License-Identifier: ISC
// The values of a credential, numbered as they were made. Rows of rotation_value. Text is borrowed
// from the rows that it was read from.
//
//     pending ──▶ current ──▶ previous ──▶ retired
//        └──▶ abandoned: refused by the target, or given up; kept until the next one is current,
//             so that a late change can still be recognised
#pragma once

#include "vault/core/reseal.h"
#include "vault/rotation/credential.h"

enum { VERSION_SALT_BYTES = 16 };

struct version {
    struct uuid id;
    int64_t namespace_id;
    struct uuid credential;
    int64_t number;
    struct str account;
    struct str state;
    struct uuid attempt;    // nil: it was imported
    struct str external_id; // K3 to K6; empty: none
    struct bytes public_part;
    struct bytes salt;
    struct bytes ciphertext; // empty once it has ended, and as long as an issuer has yet to make it
    int64_t key_epoch;       // 0 as long as the ciphertext is empty
    int64_t created_us;
    int64_t valid_until_us; // as the issuer said; 0: it didn't
    int64_t row_version;    // 0: not stored yet
};

// The columns that version_read() expects, of a table aliased v.
#define VERSION_COLUMNS                                                                            \
    "v.id, v.namespace_id, v.credential_id, v.version, v.account, v.state, v.attempt_id, "         \
    "v.external_id, v.public_part, v.salt, v.ciphertext, v.key_epoch, v.created_at, "              \
    "v.row_version, v.mac, v.valid_until"
enum { VERSION_COLUMN_COUNT = 16 };

// INTEGRITY when the row was altered; SEALED.
struct status version_read(const struct keyring *k, const struct store_rows *rows, int row,
                           int column, struct version *out);

// What a value is sealed to: it belongs to `mount` through its credential.
struct envelope_binding version_binding(struct uuid mount, const struct version *v);

// Seals `value` into the row; `sealed` keeps the ciphertext.
struct status version_seal(const struct keyring *k, struct uuid mount, struct bytes value,
                           struct version *v, struct buffer *sealed);
struct status version_open(const struct keyring *k, struct uuid mount, const struct version *v,
                           struct secret **out);

// In a session's transaction. CONFLICT.
struct status version_insert(struct session *s, const struct keyring *k,
                             const struct version *given);
// A pending row gets the value that an issuer made: ciphertext, epoch, external id and validity as
// given; without an epoch it loses what it had. CONFLICT.
struct status version_fill(struct session *s, const struct keyring *k, const struct version *given);
// Another state for the row as it was read; retired ones lose their value. CONFLICT.
struct status version_change(struct session *s, const struct keyring *k, const struct version *v,
                             struct str state);
// Values that were abandoned lose their ciphertext: another one is current now. `keep_set`: not
// those that the target may have.
struct status version_forget_abandoned(struct session *s, const struct keyring *k,
                                       struct uuid credential, bool keep_set);

extern const struct reseal_table version_reseal_table;
