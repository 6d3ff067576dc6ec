// SPDX-License-Identifier: ISC
// Each token's own secrets: nobody else can reach them, whatever the policies, and they go with the
// token. The operation must be authenticated: the caller's token is what they are kept under.
#pragma once

#include "vault/core/operation.h"
#include "vault/core/reseal.h"
#include "vault/crypto/index_hash.h"

// A path as loaded: value and ciphertext are borrowed from it.
struct cubbyhole_load {
    uint8_t path_hash[INDEX_HASH_PATH_BYTES];
    struct batch_op op;
    struct store_value keys[2];
};
void cubbyhole_load_done(struct cubbyhole_load *load); // for CLEANUP

// `out_exists` decides between the capabilities create and update. SEALED, UNAVAILABLE.
struct status cubbyhole_find(struct operation *op, struct str path, struct cubbyhole_load *load,
                             bool *out_exists);
// The value of what was found, as it was written, in the operation's arena. NOT_FOUND, INTEGRITY.
struct status cubbyhole_read(struct operation *op, struct str path,
                             const struct cubbyhole_load *load, struct str *out_value);

struct status cubbyhole_put(struct operation *op, struct str path, struct str value);
// Nothing there is fine.
struct status cubbyhole_remove(struct operation *op, struct str path);

// One text column: the entries of a folder (empty, or ending in a slash) after `after`, sub-folders
// once with their slash, `limit` at most (0: all). Release with store_rows_done().
struct status cubbyhole_list(struct operation *op, struct str folder, struct str after,
                             int64_t limit, struct store_rows *out);

extern const struct reseal_table cubbyhole_reseal_table;
