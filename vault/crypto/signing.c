// SPDX-License-Identifier: ISC
#include "vault/crypto/signing.h"

#include <assert.h>
#include <sodium.h>

static_assert(SIGNING_PUBLIC_BYTES == crypto_sign_ed25519_PUBLICKEYBYTES);
static_assert(SIGNING_SEED_BYTES == crypto_sign_ed25519_SEEDBYTES);
static_assert(SIGNING_SIGNATURE_BYTES == crypto_sign_ed25519_BYTES);

// libsodium's private key is the seed followed by the public key.
enum { PRIVATE_BYTES = SIGNING_SEED_BYTES + SIGNING_PUBLIC_BYTES };

struct status signing_from_seed(struct bytes seed, uint8_t out_public[SIGNING_PUBLIC_BYTES],
                                struct secret **out_private)
{
    REQUIRE(seed.len == SIGNING_SEED_BYTES);
    struct secret *private_key = secret_new(PRIVATE_BYTES);
    if (private_key == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    crypto_sign_ed25519_seed_keypair(out_public, secret_data(private_key), seed.ptr);
    *out_private = private_key;
    return OK_STATUS;
}

struct status signing_generate(uint8_t out_public[SIGNING_PUBLIC_BYTES],
                               struct secret **out_private)
{
    struct secret *seed CLEANUP(secret_cleanup) = NULL;
    TRY(secret_random(SIGNING_SEED_BYTES, &seed));
    return signing_from_seed(secret_view(seed), out_public, out_private);
}

void signing_sign(const struct secret *private_key, struct bytes message,
                  uint8_t out[SIGNING_SIGNATURE_BYTES])
{
    REQUIRE(secret_len(private_key) == PRIVATE_BYTES);
    crypto_sign_ed25519_detached(out, NULL, message.ptr, message.len, secret_view(private_key).ptr);
}

struct status signing_verify(struct bytes public_key, struct bytes message, struct bytes signature)
{
    if (public_key.len != SIGNING_PUBLIC_BYTES || signature.len != SIGNING_SIGNATURE_BYTES ||
        crypto_sign_ed25519_verify_detached(signature.ptr, message.ptr, message.len,
                                            public_key.ptr) != 0) {
        FAIL(INTEGRITY, "the signature doesn't match");
    }
    return OK_STATUS;
}
