// SPDX-License-Identifier: ISC
// Reading JSON (RFC 8259). The only JSON parser in the program, so that no two can disagree.
//
// A document is scanned once, without recursion, into a flat array of tokens that point into the
// caller's text; nothing is converted until it is asked for, so numbers and strings go back out
// exactly as they came (json_raw). Strict: UTF-8 only, no NUL octets, no comments, no trailing
// commas, one value per document, no key twice in an object (keys are compared decoded; a key that
// holds \u0000 or half a surrogate pair is refused).
//
//     struct json_value body;
//     TRY(json_parse(text, NULL, arena, &body, &where));
//     struct str name;
//     TRY(json_as_str(json_get(body, "name"), &name));
#pragma once

#include "vault/base/arena.h"
#include "vault/base/limits.h"
#include "vault/base/text_position.h"

struct json_limits {
    uint32_t depth;        // arrays and objects inside one another
    uint32_t members;      // of one array or object
    uint32_t string_bytes; // of one string or key, as sent
};

// What the program allows when nothing else is configured (vault/base/limits.h).
#define JSON_DEFAULT_LIMITS                                                                        \
    ((struct json_limits){LIMIT_JSON_DEPTH, LIMIT_JSON_MEMBERS, LIMIT_JSON_STRING_BYTES})

enum json_kind {
    JSON_NONE, // there is no such value: what json_get gives for an absent key
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_doc;

// A value inside a parsed document. Copied freely; valid as long as the text and the arena that
// json_parse was given. {NULL, 0} is JSON_NONE.
struct json_value {
    const struct json_doc *doc;
    uint32_t index;
};

// `limits` NULL means the defaults; they are checked while scanning. `text` is borrowed for as long
// as any value is used. Tokens (16 octets per value or key) and decoded strings live in `arena`.
// INVALID with a literal that says what was expected, then `*where` (may be NULL) says at which
// place; NOMEM.
struct status json_parse(struct str text, const struct json_limits *limits, struct arena *arena,
                         struct json_value *out, struct text_position *where);

enum json_kind json_kind(struct json_value v);
// The value exactly as sent, without the blanks around it; empty for JSON_NONE.
struct str json_raw(struct json_value v);
static inline bool json_present(struct json_value v)
{
    return v.doc != NULL;
}
// Absent or null: an optional parameter that was left out.
bool json_is_null(struct json_value v);

// The member called `key`; JSON_NONE when there is none or `object` isn't an object.
struct json_value json_get(struct json_value object, const char *key);
struct json_value json_get_str(struct json_value object, struct str key);

// Number of elements or members; 0 for anything else.
uint32_t json_count(struct json_value v);

// Elements of an array or members of an object, in the order in which they were sent:
//     struct json_iter it = json_iterate(v);
//     while (json_next(&it)) { ... it.key, it.value ... }
// Nothing for any other kind. `key` is decoded, and empty for an array.
struct json_iter {
    struct str key;
    struct json_value value;
    uint32_t next;
    uint32_t end;
    bool is_object;
    const struct json_doc *doc;
};
struct json_iter json_iterate(struct json_value v);
bool json_next(struct json_iter *it);

// Typed reading. All are INVALID for another kind (JSON_NONE included). Numbers and booleans are
// also taken from strings, because command-line clients send every parameter as a string.

// Decoded text, borrowed from the document or its arena. Refuses \u0000 and half surrogate pairs.
struct status json_as_str(struct json_value v, struct str *out);
// Whole numbers within int64_t, without fraction or exponent: 5 or "5".
struct status json_as_int(struct json_value v, int64_t *out);
// true, false, "true", "false", 1, 0, "1", "0".
struct status json_as_bool(struct json_value v, bool *out);
// Whole seconds, not negative: 3600, "3600", "1h".
struct status json_as_duration_s(struct json_value v, int64_t *out);

struct json_strings {
    const struct str *items; // in the arena
    size_t count;
};
// An array of strings, or one string of them separated by commas (blanks around each are dropped,
// empty ones skipped).
struct status json_as_strings(struct json_value v, struct json_strings *out);
