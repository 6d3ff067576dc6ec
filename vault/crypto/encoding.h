// SPDX-License-Identifier: ISC
// Text forms of secret bytes, without branches or table look-ups that depend on them.
#pragma once

#include "vault/base/secret.h"

// Lower-case hexadecimal; standard base64, padded. NOMEM.
struct status encoding_to_hex(struct bytes data, struct secret **out);
struct status encoding_to_base64(struct bytes data, struct secret **out);

// Hexadecimal of either case. INVALID, NOMEM.
struct status encoding_from_hex(struct str text, struct secret **out);
// Standard or URL alphabet (not mixed), padded or not. INVALID, NOMEM.
struct status encoding_from_base64(struct str text, struct secret **out);
