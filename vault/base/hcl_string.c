// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/base/hcl_internal.h"
#include "vault/base/utf8.h"

static int hex_value(int c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    int folded = c | 0x20;
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

static struct status read_code_point(struct hcl_lexer *l, unsigned digits, char *out, size_t *len)
{
    uint32_t code_point = 0;
    for (unsigned i = 0; i < digits; i++) {
        int value = hex_value(hcl_lexer_peek(l));
        if (value < 0) {
            FAIL(INVALID, "expected hexadecimal digits in an escape");
        }
        code_point = code_point << 4 | (uint32_t)value;
        hcl_lexer_skip(l, 1);
    }
    size_t length = code_point == 0 ? 0 : utf8_encode(code_point, out + *len);
    if (length == 0) {
        FAIL(INVALID, "an escape does not name a character");
    }
    *len += length;
    return OK_STATUS;
}

// Stands after the backslash.
static struct status read_escape(struct hcl_lexer *l, char *out, size_t *len)
{
    static const char letters[] = "\"\\nrt";
    static const char meanings[] = "\"\\\n\r\t";
    int c = hcl_lexer_peek(l);
    if (c == 'u' || c == 'U') {
        hcl_lexer_skip(l, 1);
        return read_code_point(l, c == 'u' ? 4 : 8, out, len);
    }
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    if (letter == NULL) {
        FAIL(INVALID, "unknown escape in a string");
    }
    hcl_lexer_skip(l, 1);
    out[(*len)++] = meanings[letter - letters];
    return OK_STATUS;
}

// Octets of a string up to its closing quote. Escapes never decode to more than they take.
static size_t quoted_length(struct str s)
{
    size_t i = 0;
    while (i < s.len && s.ptr[i] != '"' && s.ptr[i] != '\n') {
        i += s.ptr[i] == '\\' ? 2 : 1;
    }
    return i < s.len ? i : s.len;
}

struct status hcl_read_quoted(struct hcl_lexer *l, struct str *out)
{
    hcl_lexer_skip(l, 1);
    char *text = arena_alloc(l->arena, quoted_length(str_skip(l->text, l->at)) + UTF8_MAX_BYTES);
    if (text == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t len = 0;
    int c = hcl_lexer_peek(l);
    while (c != '"') {
        if (c < 0 || c == '\n') {
            FAIL(INVALID, "a string does not end on its line");
        }
        if (c == '\\') {
            hcl_lexer_skip(l, 1);
            TRY(read_escape(l, text, &len));
        } else {
            text[len++] = (char)c;
            hcl_lexer_skip(l, 1);
        }
        c = hcl_lexer_peek(l);
    }
    hcl_lexer_skip(l, 1);
    *out = (struct str){text, len};
    return OK_STATUS;
}

struct heredoc {
    struct str body; // whole lines, without the one that ends it
    size_t indent;   // to be dropped from each line
};

static size_t indent_of(struct str line)
{
    size_t i = 0;
    while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t')) {
        i++;
    }
    return i;
}

// Reads `<<NAME` or `<<-NAME` to the end of that line.
static struct status read_heredoc_head(struct hcl_lexer *l, struct str *name, bool *indented)
{
    struct str line;
    struct str after;
    if (!str_split(str_skip(l->text, l->at + 2), '\n', &line, &after)) {
        FAIL(INVALID, "a heredoc does not end");
    }
    *indented = line.len > 0 && line.ptr[0] == '-';
    *name = str_trim(str_skip(line, *indented ? 1 : 0));
    if (name->len == 0) {
        FAIL(INVALID, "expected a word after <<");
    }
    hcl_lexer_skip(l, 2 + line.len + 1);
    return OK_STATUS;
}

// Finds the line that holds the name alone, and leaves the lexer before that line's end.
static struct status find_heredoc_end(struct hcl_lexer *l, struct str name, struct heredoc *out)
{
    struct str text = str_skip(l->text, l->at);
    struct str rest = text;
    bool more = true;
    size_t indent = SIZE_MAX;
    while (more) {
        struct str line;
        size_t before = text.len - rest.len;
        more = str_split(rest, '\n', &line, &rest);
        if (str_equal(str_trim(line), name)) {
            *out = (struct heredoc){str_first(text, before), indent == SIZE_MAX ? 0 : indent};
            hcl_lexer_skip(l, before + line.len);
            return OK_STATUS;
        }
        if (str_trim(line).len > 0 && indent_of(line) < indent) {
            indent = indent_of(line);
        }
        if (!more) {
            rest = (struct str){NULL, 0};
        }
    }
    FAIL(INVALID, "a heredoc does not end");
}

static struct status drop_indent(struct arena *arena, struct heredoc doc, struct str *out)
{
    char *text = arena_alloc(arena, doc.body.len);
    if (text == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t len = 0;
    struct str rest = doc.body;
    while (rest.len > 0) {
        struct str line;
        str_split(rest, '\n', &line, &rest);
        size_t indent = indent_of(line);
        line = str_skip(line, indent < doc.indent ? indent : doc.indent);
        if (line.len > 0) {
            memcpy(text + len, line.ptr, line.len);
        }
        len += line.len;
        text[len++] = '\n';
    }
    *out = (struct str){text, len};
    return OK_STATUS;
}

struct status hcl_read_heredoc(struct hcl_lexer *l, struct str *out)
{
    struct str name;
    bool indented;
    struct heredoc doc;
    TRY(read_heredoc_head(l, &name, &indented));
    TRY(find_heredoc_end(l, name, &doc));
    if (indented) {
        return drop_indent(l->arena, doc, out);
    }
    *out = doc.body;
    return OK_STATUS;
}
