// SPDX-License-Identifier: ISC
#include "vault/crypto/kdf.h"

#include <sodium.h>
#include <string.h>

static void absorb(crypto_generichash_blake2b_state *state, struct bytes b)
{
    crypto_generichash_blake2b_update(state, b.ptr, b.len);
}

void kdf_derive(struct bytes key, const char *label, struct bytes context,
                uint8_t out[KDF_KEY_BYTES])
{
    REQUIRE(key.len == KDF_KEY_BYTES);
    struct bytes name = bytes_from_str(str_from_c(label));
    uint8_t name_len[8] = {0};
    REQUIRE(name.len <= UINT8_MAX);
    name_len[7] = (uint8_t)name.len;
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, key.ptr, key.len, KDF_KEY_BYTES);
    absorb(&state, BYTES_OF(name_len));
    absorb(&state, name);
    absorb(&state, context);
    crypto_generichash_blake2b_final(&state, out, KDF_KEY_BYTES);
    sodium_memzero(&state, sizeof state);
}

struct status kdf_derive_secret(struct bytes key, const char *label, struct bytes context,
                                struct secret **out)
{
    struct secret *s = secret_new(KDF_KEY_BYTES);
    if (s == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    kdf_derive(key, label, context, secret_data(s));
    *out = s;
    return OK_STATUS;
}
