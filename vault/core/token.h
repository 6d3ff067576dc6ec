// SPDX-License-Identifier: ISC
// The token row: what every operation is authorised by. (Making, renewing and revoking tokens is
// vault/identity's.)
#pragma once

#include "vault/base/arena.h"
#include "vault/crypto/keyring.h"
#include "vault/store/batch.h"

struct token {
    struct uuid id;
    int64_t namespace_id;
    struct bytes hash; // what it is looked up by; borrowed
    struct str accessor;
    struct uuid parent; // nil for none
    struct str type;    // "service"
    const struct str *policies;
    size_t policy_count;
    struct str path; // where it was made
    struct str display_name;
    struct str meta; // JSON object of strings
    struct str role;
    const struct str *bound_cidrs;
    size_t bound_cidr_count;
    bool orphan;
    bool renewable;
    int64_t created_us;
    int64_t ttl_s; // as granted first; 0: never expires
    int64_t period_s;
    int64_t explicit_max_ttl_s;
    int64_t expires_us; // CLOCK_NEVER
    int64_t num_uses;   // 0: unlimited
    int64_t row_version;
    int64_t uses_left;
};

// Coalesced: key is the token's hash; no row when it is unknown, revoked or expired.
extern const struct batch_load token_load_by_hash;

// The columns that token_read() expects, in order, of a table aliased t.
#define TOKEN_COLUMNS                                                                              \
    "t.id, t.namespace_id, t.hash, t.accessor, t.parent_id, t.type, t.policies, t.path, "          \
    "t.display_name, t.meta, t.role, t.bound_cidrs, t.orphan, t.renewable, t.created_at, "         \
    "t.ttl_s, t.period_s, "                                                                        \
    "t.explicit_max_ttl_s, t.expires_at, t.num_uses, t.row_version, t.mac, t.uses_left"
enum { TOKEN_COLUMN_COUNT = 23 };

// Reads a row whose token columns begin at `column` and checks its MAC. Text is borrowed from the
// rows, lists are in the arena. INTEGRITY, NOMEM.
struct status token_read(const struct keyring *k, const struct store_rows *rows, int row,
                         int column, struct arena *arena, struct token *out);
// The MAC of the row as it will be stored.
struct status token_mac(const struct keyring *k, const struct token *t, uint8_t out[32]);
bool token_is_root(const struct token *t);

// Stores a new row, inside a transaction. The token's hash and id are the caller's. CONFLICT.
struct status token_insert(const struct keyring *k, struct session *s, const struct token *t);
// The columns in the order of TOKEN_COLUMNS but for the MAC (second to last) which is computed:
// for statements of their own. `policies` and `cidrs` are scratch for the lists' items.
enum { TOKEN_LIST_MAX = 64 };
struct token_values {
    struct store_value columns[TOKEN_COLUMN_COUNT];
    struct store_value policies[TOKEN_LIST_MAX];
    struct store_value cidrs[TOKEN_LIST_MAX];
    uint8_t mac[32];
};
// INVALID when a list is longer than TOKEN_LIST_MAX.
struct status token_values(const struct keyring *k, const struct token *t,
                           struct token_values *out);
