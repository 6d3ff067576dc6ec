// SPDX-License-Identifier: ISC
#include "vault/crypto/recovery.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "vault/crypto/aead.h"
#include "vault/crypto/kdf.h"

static_assert(RECOVERY_PUBLIC_BYTES == crypto_box_PUBLICKEYBYTES);
static_assert(RECOVERY_OVERHEAD_BYTES == crypto_box_SEALBYTES);

static struct status wrapping_key(const struct secret *recovery_secret, struct bytes public_key,
                                  struct secret **out)
{
    return kdf_derive_secret(secret_view(recovery_secret), "recovery private key", public_key, out);
}

struct status recovery_generate(const struct secret *recovery_secret,
                                uint8_t out_public[RECOVERY_PUBLIC_BYTES],
                                struct buffer *out_wrapped_private)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct secret *private_key CLEANUP(secret_cleanup) = secret_new(crypto_box_SECRETKEYBYTES);
    if (private_key == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    uint8_t public_octets[RECOVERY_PUBLIC_BYTES];
    struct bytes public_key = BYTES_OF(public_octets);
    crypto_box_keypair(public_octets, secret_data(private_key));
    TRY(wrapping_key(recovery_secret, public_key, &key));
    TRY(aead_seal(secret_view(key), public_key, secret_view(private_key), out_wrapped_private));
    memcpy(out_public, public_octets, sizeof public_octets);
    return OK_STATUS;
}

struct status recovery_seal(struct bytes public_key, struct bytes plaintext, struct buffer *out)
{
    if (public_key.len != RECOVERY_PUBLIC_BYTES) {
        FAIL(INVALID, "the recovery public key must have 32 bytes");
    }
    size_t before = out->len;
    uint8_t *at = buffer_extend(out, plaintext.len + RECOVERY_OVERHEAD_BYTES);
    if (at == NULL) {
        return buffer_status(out);
    }
    if (crypto_box_seal(at, plaintext.ptr, plaintext.len, public_key.ptr) != 0) {
        out->len = before;
        FAIL(INVALID, "the recovery public key is no point of Curve25519 that can be used");
    }
    return OK_STATUS;
}

struct status recovery_open(const struct secret *recovery_secret, struct bytes public_key,
                            struct bytes wrapped_private, struct bytes sealed, struct secret **out)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct secret *private_key CLEANUP(secret_cleanup) = NULL;
    if (public_key.len != RECOVERY_PUBLIC_BYTES || sealed.len < RECOVERY_OVERHEAD_BYTES) {
        FAIL(INTEGRITY, "the recovery copy has a wrong length");
    }
    TRY(wrapping_key(recovery_secret, public_key, &key));
    TRY(aead_open(secret_view(key), public_key, wrapped_private, &private_key));
    if (secret_len(private_key) != crypto_box_SECRETKEYBYTES) {
        FAIL(INTEGRITY, "the recovery private key has a wrong length");
    }
    struct secret *opened CLEANUP(secret_cleanup) =
        secret_new(sealed.len - RECOVERY_OVERHEAD_BYTES);
    if (opened == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    if (crypto_box_seal_open(secret_data(opened), sealed.ptr, sealed.len, public_key.ptr,
                             secret_view(private_key).ptr) != 0) {
        FAIL(INTEGRITY, "the recovery copy was altered or is sealed to another key");
    }
    *out = TAKE(opened);
    return OK_STATUS;
}
