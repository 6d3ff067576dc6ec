// SPDX-License-Identifier: ISC
// Subkeys: one key per purpose, so that what one purpose reveals is worth nothing to another.
// subkey = BLAKE2b-256(key, u64 length of label || label || context): a different label or context
// gives an independent key.
#pragma once

#include "vault/base/secret.h"

enum { KDF_KEY_BYTES = 32 };

// `key` is KDF_KEY_BYTES long. `label` is a literal that names the purpose, e.g. "audit hmac".
// The caller wipes `out` when the subkey is used.
void kdf_derive(struct bytes key, const char *label, struct bytes context,
                uint8_t out[KDF_KEY_BYTES]);
// The same into a secret of its own. NOMEM.
struct status kdf_derive_secret(struct bytes key, const char *label, struct bytes context,
                                struct secret **out);
