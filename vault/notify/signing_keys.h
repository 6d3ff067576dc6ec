// SPDX-License-Identifier: ISC
// What a webhook is signed with: a key, and for a while the one before it too, so that receivers
// can change over without a message that they can't verify (Standard Webhooks 1.0, "key rotation").
#pragma once

#include "vault/base/arena.h"
#include "vault/base/secret.h"

enum {
    SIGNING_KEY_BYTES = 32,     // of one that is made here
    SIGNING_KEY_MIN_BYTES = 24, // of one that is given
    SIGNING_KEY_MAX_BYTES = 64,
};

struct signing_keys {
    struct bytes key;
    struct bytes old;     // empty: none
    int64_t old_until_us; // wall clock; from then on it doesn't sign
};

// As a notifier's row keeps them, sealed. One key alone is its octets. NOMEM.
struct status signing_keys_pack(const struct signing_keys *keys, struct secret **out);
// Borrowed from `packed`. INTEGRITY when that is neither.
struct status signing_keys_unpack(const struct secret *packed, struct signing_keys *out);

// whsec_ and the key in base64: as it is shown and given. INVALID with what is wrong, NOMEM.
struct status signing_key_show(struct bytes key, struct arena *arena, struct str *out);
struct status signing_key_read(struct str text, struct secret **out);
