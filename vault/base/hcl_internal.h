// SPDX-License-Identifier: ISC
// Inside of the HCL reader: words (hcl_lex.c), strings (hcl_string.c), tree (hcl_parse.c) and the
// JSON spelling (hcl_json.c).
#pragma once

#include "vault/base/hcl.h"

enum hcl_word {
    HCL_WORD_END,
    HCL_WORD_NAME,
    HCL_WORD_STRING, // heredocs too
    HCL_WORD_NUMBER,
    HCL_WORD_MARK, // one of { } [ ] = ,
};

struct hcl_token {
    enum hcl_word word;
    char mark;       // of HCL_WORD_MARK, otherwise NUL
    struct str text; // decoded string, name, or number
    struct str raw;
    uint32_t line;
    uint32_t column;
};

struct hcl_lexer {
    struct str text;
    struct arena *arena;
    size_t at;
    uint32_t line;
    uint32_t column;
};

struct hcl_lexer hcl_lexer_on(struct str text, struct arena *arena);
int hcl_lexer_peek(const struct hcl_lexer *l); // -1 at the end
// Steps over `count` octets, keeping line and column.
void hcl_lexer_skip(struct hcl_lexer *l, size_t count);

// INVALID, NOMEM. After a failure the lexer stands where the trouble is.
struct status hcl_lexer_next(struct hcl_lexer *l, struct hcl_token *out);

// Both stand at the first octet of what they read, and give the decoded text.
struct status hcl_read_quoted(struct hcl_lexer *l, struct str *out);
struct status hcl_read_heredoc(struct hcl_lexer *l, struct str *out);

struct status hcl_parse_native(struct str text, struct arena *arena, struct hcl_node **out,
                               struct text_error *error);
struct status hcl_parse_json(struct str text, struct arena *arena, struct hcl_node **out,
                             struct text_error *error);
