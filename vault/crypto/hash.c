// SPDX-License-Identifier: ISC
#include "vault/crypto/hash.h"

#include <sodium.h>

#include "vault/base/macros.h"

void hash_blake2b_keyed(struct bytes key, struct bytes data, uint8_t *out, size_t out_len)
{
    REQUIRE(key.len >= crypto_generichash_blake2b_KEYBYTES_MIN);
    REQUIRE(crypto_generichash_blake2b(out, out_len, data.ptr, data.len, key.ptr, key.len) == 0);
}

void hash_hmac_sha256(struct bytes key, struct bytes data, uint8_t out[HASH_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.ptr, key.len);
    crypto_auth_hmacsha256_update(&state, data.ptr, data.len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

bool hash_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}
