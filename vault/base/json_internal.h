// SPDX-License-Identifier: ISC
// Inside of the JSON reader: the token array that json_scan.c writes and json.c reads.
#pragma once

#include "vault/base/json.h"

// Tokens stand in document order: a container before its contents, a key before its value.
struct json_token {
    uint32_t start; // first octet in the text; of a string its opening quote
    uint32_t len;   // as sent, quotes included
    // The token after this value and all that it contains. Of a container still open: its parent.
    // Of a key with escapes: its place in `decoded_keys`.
    uint32_t next;
    uint32_t count : 28;  // elements or members
    uint32_t escaped : 1; // a string that holds a backslash
    uint32_t kind : 3;
};

// Segment n holds (JSON_SEGMENT << n) tokens: tokens never move, and no copy of them is left behind
// in the arena when their number grows. The number of segments bounds the tokens of a document
// to 262,080, which take 4 MiB.
enum { JSON_SEGMENT_BITS = 6, JSON_SEGMENT = 1 << JSON_SEGMENT_BITS, JSON_SEGMENTS = 12 };

struct json_doc {
    struct str text;
    struct arena *arena;
    uint32_t count; // tokens
    uint32_t decoded_count;
    uint32_t decoded_capacity;
    struct str *decoded_keys; // of the keys that hold escapes
    struct json_token *segments[JSON_SEGMENTS];
};

static inline struct json_token *json_token_at(const struct json_doc *doc, uint32_t index)
{
    uint32_t shifted = index + JSON_SEGMENT;
    uint32_t segment = 31 - (uint32_t)__builtin_clz(shifted) - JSON_SEGMENT_BITS;
    return &doc->segments[segment][shifted - ((uint32_t)JSON_SEGMENT << segment)];
}

// What stands between the quotes.
static inline struct str json_token_body(const struct json_doc *doc, const struct json_token *t)
{
    return (struct str){doc->text.ptr + t->start + 1, t->len - 2};
}

// Decoded text of a key token.
struct str json_token_key(const struct json_doc *doc, const struct json_token *key);

// Replaces the escapes of a scanned string. `out` has room for body.len octets. INVALID for half a
// surrogate pair and for \u0000.
struct status json_unescape(struct str body, char *out, size_t *out_len);

// Memory that the duplicate checks of one document share.
struct json_key_table {
    uint32_t *slots;
    uint32_t capacity;
};

// INVALID when two keys of `object` are equal; then `*duplicate` is the second one's token. The
// cost is linear, and keys can't be chosen to make it more: large objects go through a hash with a
// secret key.
struct status json_check_keys(const struct json_doc *doc, uint32_t object,
                              struct json_key_table *table, uint32_t *duplicate);

// Octets at the start of `s` that need no attention inside a JSON string: 20-7F but for the quote
// and the backslash.
size_t json_plain_prefix(struct str s);
