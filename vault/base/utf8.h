// SPDX-License-Identifier: ISC
// UTF-8, one character at a time (RFC 3629: no surrogates, no overlong forms, up to U+10FFFF).
#pragma once

#include "vault/base/bytes.h"

enum { UTF8_MAX_BYTES = 4 };

// Octets of the well-formed character that `s` begins with (U+0000 counts as one); 0 when `s` is
// empty or begins with something malformed.
size_t utf8_length(struct str s);

// Writes `code_point` and gives the number of octets; 0 for a surrogate or above U+10FFFF.
size_t utf8_encode(uint32_t code_point, char out[UTF8_MAX_BYTES]);
