// SPDX-License-Identifier: ISC
// Borrowed slices: `struct bytes` is any octets, `struct str` is text. Neither owns, neither is
// NUL-terminated, {NULL, 0} is the empty one.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vault/base/status.h"

struct bytes {
    const uint8_t *ptr;
    size_t len;
};

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define BYTES_OF(array) ((struct bytes){(const uint8_t *)(array), sizeof(array)})
// For printf-like calls: printf("%.*s", STR_ARG(s)).
#define STR_ARG(s) (int)(s).len, (s).ptr

struct str str_from_c(const char *text); // NULL gives the empty one
struct str str_from_bytes(struct bytes b);
struct bytes bytes_from_str(struct str s);

// Not constant-time: never for secrets (see secret.h).
bool str_equal(struct str a, struct str b);
bool str_equal_nocase(struct str a, struct str b); // ASCII only
bool str_equal_c(struct str a, const char *b);
int str_compare(struct str a, struct str b); // byte order, like COLLATE "C"
bool bytes_equal(struct bytes a, struct bytes b);

bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
struct str str_skip(struct str s, size_t count); // the rest after `count` bytes
struct str str_first(struct str s, size_t count);
struct str str_trim(struct str s); // without ASCII blanks at both ends

// Splits at the first `separator`: `head` is what stands before it, `*rest` what follows.
// False when there is no separator; then head is all of it and rest is empty.
bool str_split(struct str s, char separator, struct str *head, struct str *rest);

// Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL.
bool str_is_text(struct str s);

// Whole-string decimal. INVALID when empty, not a number, or out of range.
struct status str_parse_int(struct str s, int64_t *out);

// A duration as the API writes it: "90", "90s", "5m", "1h30m", "2d"; whole seconds, not negative.
struct status str_parse_duration_s(struct str s, int64_t *out);

// Lower-case hexadecimal. `out` has room for 2*len+1, gets a NUL.
void bytes_to_hex(struct bytes b, char *out);
// INVALID unless `hex` is exactly 2*len hexadecimal digits.
struct status bytes_from_hex(struct str hex, uint8_t *out, size_t len);
