// SPDX-License-Identifier: ISC
// The MAC that every row with authority carries, so that who can write to the database can't make
// himself root. Keyed BLAKE2b-256 over namespace, kind, id, row version and each field in order;
// every field has a type tag and its length in front, so no two different rows encode the same.
//
// Write one function per kind of row that adds the fields, and end it in either of two ways:
//
//     struct row_mac m;
//     TRY(row_mac_begin(&m, keyring, namespace_id, "token", id, row_version));
//     row_mac_str(&m, token->display_name);
//     row_mac_strs(&m, token->policies, token->policy_count);
//     row_mac_finish(&m, mac);              // before it is stored, or
//     TRY(row_mac_check(&m, stored));       // when it is loaded
//
// When the fields of a kind change, change its name too ("token/2"): then old rows can be told.
#pragma once

#include <stdalign.h>

#include "vault/base/uuid.h"
#include "vault/crypto/keyring.h"

enum { ROW_MAC_BYTES = 32, ROW_MAC_STATE_BYTES = 384 };

struct row_mac {
    alignas(64) uint8_t state[ROW_MAC_STATE_BYTES]; // private; wiped by finish and check
};

// `kind` is a literal. SEALED; then the other calls must not follow.
struct status row_mac_begin(struct row_mac *m, const struct keyring *k, int64_t namespace_id,
                            const char *kind, struct uuid id, int64_t row_version);

void row_mac_int(struct row_mac *m, int64_t value); // numbers, times, enums
void row_mac_bool(struct row_mac *m, bool value);
void row_mac_str(struct row_mac *m, struct str value);
void row_mac_bytes(struct row_mac *m, struct bytes value);
void row_mac_uuid(struct row_mac *m, struct uuid value);
void row_mac_strs(struct row_mac *m, const struct str *values, size_t count); // in order

// Either ends it: `m` holds nothing any more.
void row_mac_finish(struct row_mac *m, uint8_t out[ROW_MAC_BYTES]);
// INTEGRITY unless `stored` is the MAC of exactly these fields. Constant time.
struct status row_mac_check(struct row_mac *m, struct bytes stored);
