// SPDX-License-Identifier: ISC
// How the audit log names a value that it must not show: an HMAC-SHA256 under a key per namespace
// and field, printed as existing clients of such logs expect it. The same value in the same field
// of the same namespace always gives the same text; anywhere else it gives another one. The key
// doesn't change with rotation, so old records can be searched.
#pragma once

#include "vault/crypto/keyring.h"

enum { AUDIT_HMAC_TEXT_BYTES = 77 }; // "hmac-sha256:", 64 hexadecimal digits, NUL

// SEALED.
struct status audit_hmac(const struct keyring *k, int64_t namespace_id, struct str field,
                         struct bytes value, char out[AUDIT_HMAC_TEXT_BYTES]);
