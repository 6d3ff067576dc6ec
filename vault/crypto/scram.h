// SPDX-License-Identifier: ISC
// SCRAM-SHA-256 verifiers (RFC 5802 section 3, RFC 7677) in the form that PostgreSQL stores and
// accepts in place of a password:
//
//     SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>        (base64)
//
// Made here, so that neither the wire nor the target's log ever carries the password. The same
// password, salt and iterations give the same text: whoever applies a change again sends the very
// same verifier. It is still a secret: who has it can impersonate the server and test guesses.
#pragma once

#include "vault/base/secret.h"

enum {
    SCRAM_SALT_BYTES = 16, // of a new one: random_fill()
    SCRAM_SALT_MAX_BYTES = 64,
    SCRAM_ITERATIONS = 4096, // PostgreSQL's default, and the least that RFC 7677 allows
    SCRAM_ITERATIONS_MAX = 10 * 1000 * 1000,
};

// Heavy on purpose (a few milliseconds at 4096 iterations): for the offload pool, not for a loop.
// INVALID when the password is empty or has anything but printable ASCII (other text would have to
// go through SASLprep first, and servers differ in that), when the salt is empty or longer than
// SCRAM_SALT_MAX_BYTES, or the iterations are out of bounds; NOMEM.
struct status scram_verifier(const struct secret *password, struct bytes salt, int64_t iterations,
                             struct secret **out);
