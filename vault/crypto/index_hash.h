// SPDX-License-Identifier: ISC
// What secrets and paths are looked up by. Keyed BLAKE2b (RFC 7693) under the index key, which
// doesn't change with rotation: who reads the table learns no token and can't test a guess.
#pragma once

#include "vault/base/uuid.h"
#include "vault/crypto/keyring.h"

enum { INDEX_HASH_TOKEN_BYTES = 32, INDEX_HASH_PATH_BYTES = 16 };

// Tokens, secret-ids and other bearer strings, whole with their prefix. SEALED.
struct status index_hash_token(const struct keyring *k, struct str token,
                               uint8_t out[INDEX_HASH_TOKEN_BYTES]);
// A path inside a mount, of any length: a fixed-size key for the index. SEALED.
struct status index_hash_path(const struct keyring *k, struct uuid mount, struct str path,
                              uint8_t out[INDEX_HASH_PATH_BYTES]);
