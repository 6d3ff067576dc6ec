// SPDX-License-Identifier: ISC
// The password verifier that PostgreSQL stores for SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677;
// format: postgresql.org, pg_authid.rolpassword). Computed on our side, so that the password never
// travels in a statement.
#pragma once

#include <stdbool.h>

#include "rotunda/rotator.h"

enum {
    VERIFIER_ITERATIONS =
        4096, // the server's own, and what every client library is ready to compute
    VERIFIER_SALT_MIN = 16,
    VERIFIER_SALT_MAX = 64,
    VERIFIER_BYTES = 256,
};

// SASLprep (RFC 4013) leaves ASCII alone, and only ASCII is taken: two libraries that normalise
// other text differently would lock the account out.
bool verifier_password_fits(struct rotunda_bytes password);

// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, NUL-terminated. The same salt gives
// the same text. False when password or salt are outside of what is said above.
bool verifier_make(struct rotunda_bytes password, struct rotunda_bytes salt,
                   char out[VERIFIER_BYTES]);
