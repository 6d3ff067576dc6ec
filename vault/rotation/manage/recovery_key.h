// SPDX-License-Identifier: ISC
// The recovery key of a mount: new values of targets' own credentials are sealed to it before a
// target gets them, so that operators can open them when the vault or its database is lost. Rows of
// rotation_recovery_key (vault/crypto/recovery.h).
#pragma once

#include "vault/core/operation.h"
#include "vault/crypto/recovery.h"

// Text is borrowed from the rows that it was read from.
struct recovery_key {
    struct bytes public_key;
    struct bytes wrapped_private;
    int64_t created_us;
    int64_t row_version;
};

struct recovery_key_found {
    struct store_rows rows;
    bool exists;
    struct recovery_key key;
};
void recovery_key_found_done(struct recovery_key_found *f); // for CLEANUP

// The mount's. That there is none is no failure. INTEGRITY when the row was altered; UNAVAILABLE.
struct status recovery_key_find(struct operation *op, struct recovery_key_found *out);
// A new key for the operation's mount, instead of the one that was `seen`; what was sealed to that
// one stays with it. CONFLICT when somebody else made one meanwhile.
struct status recovery_key_make(struct operation *op, const struct recovery_key_found *seen,
                                const struct secret *recovery_secret);
