// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/base/hcl_internal.h"

struct hcl_lexer hcl_lexer_on(struct str text, struct arena *arena)
{
    return (struct hcl_lexer){.text = text, .arena = arena, .line = 1, .column = 1};
}

int hcl_lexer_peek(const struct hcl_lexer *l)
{
    return l->at < l->text.len ? (unsigned char)l->text.ptr[l->at] : -1;
}

void hcl_lexer_skip(struct hcl_lexer *l, size_t count)
{
    for (size_t end = l->at + count; l->at < end && l->at < l->text.len; l->at++) {
        unsigned char c = (unsigned char)l->text.ptr[l->at];
        if (c == '\n') {
            l->line++;
            l->column = 1;
        } else if ((c & 0xC0) != 0x80) {
            l->column++;
        }
    }
}

static struct str rest_of(const struct hcl_lexer *l)
{
    return str_skip(l->text, l->at);
}

static void skip_line(struct hcl_lexer *l)
{
    struct str line;
    struct str after;
    str_split(rest_of(l), '\n', &line, &after);
    hcl_lexer_skip(l, line.len);
}

static struct status skip_block_comment(struct hcl_lexer *l)
{
    struct str rest = rest_of(l);
    const char *end = memmem(rest.ptr + 2, rest.len - 2, "*/", 2);
    if (end == NULL) {
        FAIL(INVALID, "a comment does not end");
    }
    hcl_lexer_skip(l, (size_t)(end - rest.ptr) + 2);
    return OK_STATUS;
}

static struct status skip_blanks_and_comments(struct hcl_lexer *l)
{
    while (true) {
        int c = hcl_lexer_peek(l);
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            hcl_lexer_skip(l, 1);
        } else if (c == '#' || str_starts_with(rest_of(l), STR("//"))) {
            skip_line(l);
        } else if (str_starts_with(rest_of(l), STR("/*"))) {
            TRY(skip_block_comment(l));
        } else {
            return OK_STATUS;
        }
    }
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool opens_name(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool continues_name(int c)
{
    return opens_name(c) || is_digit(c) || c == '-' || c == '.';
}

static void read_name(struct hcl_lexer *l)
{
    while (continues_name(hcl_lexer_peek(l))) {
        hcl_lexer_skip(l, 1);
    }
}

static struct status read_digits(struct hcl_lexer *l)
{
    if (!is_digit(hcl_lexer_peek(l))) {
        FAIL(INVALID, "expected a digit");
    }
    while (is_digit(hcl_lexer_peek(l))) {
        hcl_lexer_skip(l, 1);
    }
    return OK_STATUS;
}

// The grammar of JSON numbers: no leading zeros, which would be octal to some and not to others.
static struct status read_number(struct hcl_lexer *l)
{
    if (hcl_lexer_peek(l) == '-') {
        hcl_lexer_skip(l, 1);
    }
    if (hcl_lexer_peek(l) == '0') {
        hcl_lexer_skip(l, 1);
    } else {
        TRY(read_digits(l));
    }
    if (hcl_lexer_peek(l) == '.') {
        hcl_lexer_skip(l, 1);
        TRY(read_digits(l));
    }
    if (hcl_lexer_peek(l) == 'e' || hcl_lexer_peek(l) == 'E') {
        hcl_lexer_skip(l, 1);
        if (hcl_lexer_peek(l) == '-' || hcl_lexer_peek(l) == '+') {
            hcl_lexer_skip(l, 1);
        }
        TRY(read_digits(l));
    }
    if (continues_name(hcl_lexer_peek(l))) {
        FAIL(INVALID, "unexpected character in a number");
    }
    return OK_STATUS;
}

static struct status read_word(struct hcl_lexer *l, struct hcl_token *t)
{
    int c = hcl_lexer_peek(l);
    if (opens_name(c)) {
        t->word = HCL_WORD_NAME;
        read_name(l);
        return OK_STATUS;
    }
    if (is_digit(c) || c == '-') {
        t->word = HCL_WORD_NUMBER;
        return read_number(l);
    }
    if (c == '"') {
        t->word = HCL_WORD_STRING;
        return hcl_read_quoted(l, &t->text);
    }
    if (str_starts_with(rest_of(l), STR("<<"))) {
        t->word = HCL_WORD_STRING;
        return hcl_read_heredoc(l, &t->text);
    }
    if (c > 0 && strchr("{}[]=,", c) != NULL) {
        t->word = HCL_WORD_MARK;
        t->mark = (char)c;
        hcl_lexer_skip(l, 1);
        return OK_STATUS;
    }
    FAIL(INVALID, "unexpected character");
}

struct status hcl_lexer_next(struct hcl_lexer *l, struct hcl_token *out)
{
    TRY(skip_blanks_and_comments(l));
    struct hcl_token t = {.word = HCL_WORD_END, .line = l->line, .column = l->column};
    size_t start = l->at;
    if (start < l->text.len) {
        TRY(read_word(l, &t));
    }
    t.raw = str_first(str_skip(l->text, start), l->at - start);
    if (t.word != HCL_WORD_STRING) {
        t.text = t.raw;
    }
    *out = t;
    return OK_STATUS;
}
