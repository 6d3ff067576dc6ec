// SPDX-License-Identifier: ISC
// The recovery copy of a credential whose loss would lock the vault out of a target (the one that a
// rotator itself uses). It is sealed to a public key, so that making one needs no secret and the
// running vault can't read it back: opening needs the recovery secret, which operators hold.
//
// X25519 sealed boxes (libsodium crypto_box_seal). Anybody can make one: a sealed copy says
// nothing about who made it, so the row that keeps it carries a row MAC like any other.
#pragma once

#include "vault/base/buffer.h"
#include "vault/base/secret.h"

enum { RECOVERY_PUBLIC_BYTES = 32, RECOVERY_OVERHEAD_BYTES = 48 };

// A new key pair; the private half comes back wrapped under `recovery_secret` (32 bytes).
// NOMEM, TOO_LARGE.
struct status recovery_generate(const struct secret *recovery_secret,
                                uint8_t out_public[RECOVERY_PUBLIC_BYTES],
                                struct buffer *out_wrapped_private);

// Appends plaintext.len + RECOVERY_OVERHEAD_BYTES. INVALID for a public key that isn't one;
// NOMEM, TOO_LARGE.
struct status recovery_seal(struct bytes public_key, struct bytes plaintext, struct buffer *out);

// INTEGRITY when the secret, the wrapped private half or the sealed copy is another one; NOMEM.
struct status recovery_open(const struct secret *recovery_secret, struct bytes public_key,
                            struct bytes wrapped_private, struct bytes sealed, struct secret **out);
