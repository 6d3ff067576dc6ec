// SPDX-License-Identifier: ISC
// The token that a request is about, beside the one that makes it: loaded in the same snapshot.
#pragma once

#include "vault/core/operation.h"
#include "vault/crypto/index_hash.h"

// Named by either; the other one is empty.
struct token_target {
    struct str token; // sensitive
    struct str accessor;
};

struct token_found {
    bool exists; // known, not expired, with uses left, and of the operation's namespace
    struct token token;
    // Private.
    struct batch_op load;
    struct store_value key;
    uint8_t hash[INDEX_HASH_TOKEN_BYTES];
};
void token_found_done(struct token_found *f); // for CLEANUP; a zeroed one is fine

// Authenticates the caller, authorises `operation` on op->path, and loads the target, whose text is
// borrowed from `out` and the arena. What operation_enter() returns; INTEGRITY when the target's
// row was altered.
struct status token_enter(struct operation *op, enum policy_operation operation,
                          const struct token_target *target, struct token_found *out);
// Loads it again, after a lost race.
struct status token_reload(struct operation *op, struct token_found *f);
