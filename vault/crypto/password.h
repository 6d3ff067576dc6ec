// SPDX-License-Identifier: ISC
// Random passwords and tokens: every character is drawn independently and without bias.
#pragma once

#include "vault/base/secret.h"

#define PASSWORD_BASE62 STR("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
// With symbols that need no escaping in shells, URLs and connection strings.
#define PASSWORD_BASE64URL STR("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_")

enum { PASSWORD_MAX_BITS = 4096, PASSWORD_MAX_CHARACTERS = 4096 };

// As many characters as `bits` of entropy need. INVALID unless the alphabet is 2 to 94 different
// printable ASCII characters other than the blank, and bits is 1 to PASSWORD_MAX_BITS; NOMEM.
struct status password_generate(struct str alphabet, size_t bits, struct secret **out);

// So many characters. INVALID for another alphabet, or unless characters is 1 to
// PASSWORD_MAX_CHARACTERS; NOMEM.
struct status password_draw(struct str alphabet, size_t characters, struct secret **out);

// `prefix` (such as "hvs."; may be empty) followed by `characters` of base 62, 5.95 bits each.
// INVALID unless characters is 1 to PASSWORD_MAX_CHARACTERS; NOMEM.
struct status password_generate_token(struct str prefix, size_t characters, struct secret **out);
