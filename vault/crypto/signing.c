// SPDX-License-Identifier: ISC
#include "vault/crypto/signing.h"

#include <assert.h>
#include <sodium.h>

#include "vault/crypto/pack.h"

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

static struct bytes public_half(const struct secret *private_key)
{
    REQUIRE(secret_len(private_key) == PRIVATE_BYTES);
    return (struct bytes){secret_view(private_key).ptr + SIGNING_SEED_BYTES, SIGNING_PUBLIC_BYTES};
}

static struct pack context_of(struct uuid id, struct bytes public_key)
{
    struct pack p;
    pack_init(&p, "ed25519");
    pack_uuid(&p, id);
    pack_bytes(&p, public_key);
    return p;
}

struct status signing_wrap(const struct keyring *k, struct uuid id,
                           const struct secret *private_key, struct buffer *out)
{
    struct pack context = context_of(id, public_half(private_key));
    return keyring_wrap(k, "signing key", pack_view(&context), private_key, out);
}

struct status signing_unwrap(const struct keyring *k, struct uuid id, struct bytes public_key,
                             struct bytes wrapped, struct secret **out_private)
{
    if (public_key.len != SIGNING_PUBLIC_BYTES) {
        FAIL(INTEGRITY, "a signing key's public half has a wrong length");
    }
    struct pack context = context_of(id, public_key);
    return keyring_unwrap(k, "signing key", pack_view(&context), wrapped, out_private);
}
