// SPDX-License-Identifier: ISC
// Secret values at rest. A value is sealed under the newest data key of its namespace and bound to
// the very cell it is stored in: copied to another row, column, table, mount, namespace or version,
// or paired with another key epoch, it fails to open.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/uuid.h"
#include "vault/crypto/aead.h"
#include "vault/crypto/keyring.h"

struct envelope_binding {
    int64_t namespace_id;
    struct uuid mount; // nil for what belongs to no mount
    const char *table; // literals: the cell that holds the ciphertext
    const char *column;
    struct uuid row; // never reused
    int64_t version;
};

// Appends the ciphertext (plaintext + AEAD_OVERHEAD_BYTES); store *out_epoch beside it.
// SEALED; NOT_FOUND for an unknown namespace; NOMEM, TOO_LARGE.
struct status envelope_seal(const struct keyring *k, const struct envelope_binding *binding,
                            struct bytes plaintext, struct buffer *out, int64_t *out_epoch);

// INTEGRITY when anything differs; NOT_FOUND when the key epoch isn't loaded (another node may
// have made it: load the rows, keyring_add(), try again); SEALED, NOMEM.
struct status envelope_open(const struct keyring *k, int64_t epoch,
                            const struct envelope_binding *binding, struct bytes ciphertext,
                            struct secret **out);
// The same into a request's arena, without any lock: for the request path.
struct status envelope_open_in(const struct keyring *k, int64_t epoch,
                               const struct envelope_binding *binding, struct bytes ciphertext,
                               struct arena *memory, struct bytes *out);
