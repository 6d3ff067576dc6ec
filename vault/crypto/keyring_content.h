// SPDX-License-Identifier: ISC
// What an open keyring holds, and how it is read from the stored rows. Private to keyring.c, which
// makes it visible to other threads only when it is complete.
#pragma once

#include "vault/crypto/keyring_keys.h"
#include "vault/crypto/keyring_table.h"

struct keyring_content {
    struct keyring_table *table; // owns the memory of all the keys
    uint8_t *root;               // only writers look at it
    const uint8_t *uses[KEYRING_USE_COUNT];
};

void keyring_content_free(struct keyring_content *c); // wipes; NULL is fine
// All the stored rows, in any order. Errors as in keyring_open().
struct status keyring_content_load(const struct secret *root_key,
                                   const struct keyring_wrapped *rows, size_t count,
                                   struct keyring_content **out);

// One more row; adding it again only checks that it holds the same key. NOT_FOUND when the
// namespace of a data key is unknown; INTEGRITY, NOMEM.
struct status keyring_content_add_namespace(struct keyring_content *c,
                                            const struct keyring_wrapped *row);
struct status keyring_content_add_data(struct keyring_content *c,
                                       const struct keyring_wrapped *row);

// Rows themselves: kind, namespace and epoch of `row` are bound to what is sealed in it.
void keyring_row_seal(struct bytes wrapping_key, struct bytes key, struct keyring_wrapped *row);
// `out` has room for KEYRING_KEY_BYTES. INTEGRITY.
struct status keyring_row_open(struct bytes wrapping_key, const struct keyring_wrapped *row,
                               uint8_t *out);
// A fresh random key, sealed in the row; `*out_key` is it. NOMEM.
struct status keyring_row_make(struct bytes wrapping_key, struct keyring_wrapped *row,
                               struct secret **out_key);
