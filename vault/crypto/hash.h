// SPDX-License-Identifier: ISC
// Hashes of whole messages. None of these is for passwords. Without a key: vault/base/digest.h.
#pragma once

#include "vault/base/bytes.h"

enum { HASH_BYTES = 32 };

// Keyed BLAKE2b (RFC 7693). A key of 16 to 64 bytes; `out_len` is 16 to 64 and part of the hash.
void hash_blake2b_keyed(struct bytes key, struct bytes data, uint8_t *out, size_t out_len);
// RFC 2104; a key of any length.
void hash_hmac_sha256(struct bytes key, struct bytes data, uint8_t out[HASH_BYTES]);

// Constant time for equal lengths.
bool hash_equal(struct bytes a, struct bytes b);
