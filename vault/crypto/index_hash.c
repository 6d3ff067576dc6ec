// SPDX-License-Identifier: ISC
#include "vault/crypto/index_hash.h"

#include <sodium.h>

#include "vault/crypto/hash.h"
#include "vault/crypto/keyring_keys.h"

struct status index_hash_token(const struct keyring *k, struct str token,
                               uint8_t out[INDEX_HASH_TOKEN_BYTES])
{
    struct bytes key;
    TRY(keyring_use_key(k, KEYRING_USE_TOKEN_INDEX, &key));
    hash_blake2b_keyed(key, bytes_from_str(token), out, INDEX_HASH_TOKEN_BYTES);
    return OK_STATUS;
}

struct status index_hash_path(const struct keyring *k, struct uuid mount, struct str path,
                              uint8_t out[INDEX_HASH_PATH_BYTES])
{
    struct bytes key;
    TRY(keyring_use_key(k, KEYRING_USE_PATH_INDEX, &key));
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, key.ptr, key.len, INDEX_HASH_PATH_BYTES);
    // The mount has a fixed length, so where the path begins is unambiguous.
    crypto_generichash_blake2b_update(&state, mount.octets, sizeof mount.octets);
    crypto_generichash_blake2b_update(&state, bytes_from_str(path).ptr, path.len);
    crypto_generichash_blake2b_final(&state, out, INDEX_HASH_PATH_BYTES);
    sodium_memzero(&state, sizeof state);
    return OK_STATUS;
}
