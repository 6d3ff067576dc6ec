// SPDX-License-Identifier: ISC
#include "vault/crypto/aead.h"

#include <assert.h>
#include <sodium.h>

static_assert(AEAD_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(AEAD_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(AEAD_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES);

void aead_seal_to(struct bytes key, struct bytes associated, struct bytes plaintext, uint8_t *out)
{
    REQUIRE(key.len == AEAD_KEY_BYTES);
    uint8_t *nonce = out;
    randombytes_buf(nonce, AEAD_NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + AEAD_NONCE_BYTES, NULL, plaintext.ptr,
                                               plaintext.len, associated.ptr, associated.len, NULL,
                                               nonce, key.ptr);
}

struct status aead_seal(struct bytes key, struct bytes associated, struct bytes plaintext,
                        struct buffer *out)
{
    uint8_t *at = buffer_extend(out, plaintext.len + AEAD_OVERHEAD_BYTES);
    if (at == NULL) {
        return buffer_status(out);
    }
    aead_seal_to(key, associated, plaintext, at);
    return OK_STATUS;
}

struct status aead_open_to(struct bytes key, struct bytes associated, struct bytes sealed,
                           uint8_t *out)
{
    REQUIRE(key.len == AEAD_KEY_BYTES);
    if (sealed.len < AEAD_OVERHEAD_BYTES) {
        FAIL(INTEGRITY, "sealed value is too short");
    }
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.ptr + AEAD_NONCE_BYTES,
                                                   sealed.len - AEAD_NONCE_BYTES, associated.ptr,
                                                   associated.len, sealed.ptr, key.ptr) != 0) {
        FAIL(INTEGRITY, "sealed value was altered, moved, or belongs to another key");
    }
    return OK_STATUS;
}

// What opening gives; 0 for what aead_open_to() refuses anyway.
static size_t opened_len(struct bytes sealed)
{
    return sealed.len < AEAD_OVERHEAD_BYTES ? 0 : sealed.len - AEAD_OVERHEAD_BYTES;
}

struct status aead_open(struct bytes key, struct bytes associated, struct bytes sealed,
                        struct secret **out)
{
    struct secret *s CLEANUP(secret_cleanup) = secret_new(opened_len(sealed));
    if (s == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    TRY(aead_open_to(key, associated, sealed, secret_data(s)));
    *out = TAKE(s);
    return OK_STATUS;
}

struct status aead_open_in(struct bytes key, struct bytes associated, struct bytes sealed,
                           struct arena *memory, struct bytes *out)
{
    size_t len = opened_len(sealed);
    uint8_t *at = arena_alloc(memory, len);
    if (at == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(aead_open_to(key, associated, sealed, at));
    *out = (struct bytes){at, len};
    return OK_STATUS;
}
