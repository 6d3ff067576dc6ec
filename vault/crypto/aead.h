// SPDX-License-Identifier: ISC
// Authenticated encryption: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a random 192-bit
// nonce, so that no counter has to survive a crash or be shared between nodes.
//
// Sealed form: nonce (24) || ciphertext (as long as the plaintext) || tag (16).
// `associated` is authenticated, not stored: opening needs exactly the same bytes.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/buffer.h"
#include "vault/base/secret.h"

enum {
    AEAD_KEY_BYTES = 32,
    AEAD_NONCE_BYTES = 24,
    AEAD_TAG_BYTES = 16,
    AEAD_OVERHEAD_BYTES = AEAD_NONCE_BYTES + AEAD_TAG_BYTES,
};

// `key` is AEAD_KEY_BYTES long, always. `*out` gets the sealed form appended. NOMEM, TOO_LARGE.
struct status aead_seal(struct bytes key, struct bytes associated, struct bytes plaintext,
                        struct buffer *out);
// The same into memory of plaintext.len + AEAD_OVERHEAD_BYTES; can't fail.
void aead_seal_to(struct bytes key, struct bytes associated, struct bytes plaintext, uint8_t *out);

// INTEGRITY when the key, the associated data or any bit of `sealed` is another one; NOMEM.
struct status aead_open(struct bytes key, struct bytes associated, struct bytes sealed,
                        struct secret **out);
// The same into the arena of a request, which wipes it; takes no lock.
struct status aead_open_in(struct bytes key, struct bytes associated, struct bytes sealed,
                           struct arena *memory, struct bytes *out);
// The same into memory of sealed.len - AEAD_OVERHEAD_BYTES that the caller wipes. After a failure
// that memory is untouched or zero.
struct status aead_open_to(struct bytes key, struct bytes associated, struct bytes sealed,
                           uint8_t *out);
