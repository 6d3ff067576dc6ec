// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/base/json_internal.h"
#include "vault/base/utf8.h"

#define NOTHING UINT32_MAX

struct scanner {
    struct json_doc *doc;
    struct str text;
    size_t at; // next octet; after a failure the place to report
    struct json_limits limits;
    uint32_t open; // innermost open container, or NOTHING
    uint32_t depth;
    struct json_key_table keys;
};

static int peek(const struct scanner *s)
{
    return s->at < s->text.len ? (unsigned char)s->text.ptr[s->at] : -1;
}

static void skip_blanks(struct scanner *s)
{
    int c = peek(s);
    while (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
        s->at++;
        c = peek(s);
    }
}

static struct status push_token(struct scanner *s, enum json_kind kind, size_t start,
                                struct json_token **out)
{
    struct json_doc *doc = s->doc;
    uint32_t shifted = doc->count + JSON_SEGMENT;
    uint32_t segment = 31 - (uint32_t)__builtin_clz(shifted) - JSON_SEGMENT_BITS;
    if (segment >= JSON_SEGMENTS) {
        FAIL(INVALID, "the JSON document has too many values");
    }
    if (doc->segments[segment] == NULL) {
        size_t size = (size_t)JSON_SEGMENT << segment;
        doc->segments[segment] = ARENA_ARRAY(doc->arena, struct json_token, size);
    }
    if (doc->segments[segment] == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    struct json_token *t = json_token_at(doc, doc->count);
    doc->count++;
    *t = (struct json_token){.start = (uint32_t)start, .next = doc->count};
    t->kind = (uint32_t)kind & 7;
    *out = t;
    return OK_STATUS;
}

static bool is_hex(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static struct status scan_escape(struct scanner *s)
{
    s->at++;
    int letter = peek(s);
    if (letter < 0 || strchr("\"\\/bfnrtu", letter) == NULL || letter == 0) {
        FAIL(INVALID, "unknown escape in a JSON string");
    }
    s->at++;
    if (letter != 'u') {
        return OK_STATUS;
    }
    for (int i = 0; i < 4; i++) {
        if (!is_hex(peek(s))) {
            FAIL(INVALID, "expected four hexadecimal digits after \\u");
        }
        s->at++;
    }
    return OK_STATUS;
}

// Stands at an octet that isn't plain: an escape, a character beyond ASCII, or an error.
static struct status scan_special(struct scanner *s, bool *escaped)
{
    int c = peek(s);
    if (c == '\\') {
        *escaped = true;
        return scan_escape(s);
    }
    if (c < 0) {
        FAIL(INVALID, "a JSON string does not end");
    }
    if (c < 0x20) {
        FAIL(INVALID, "a control character in a JSON string must be escaped");
    }
    size_t length = utf8_length(str_skip(s->text, s->at));
    if (length == 0) {
        FAIL(INVALID, "a JSON string is not UTF-8");
    }
    s->at += length;
    return OK_STATUS;
}

static struct status scan_string(struct scanner *s, struct json_token **out)
{
    size_t start = s->at;
    bool escaped = false;
    s->at++;
    while (true) {
        s->at += json_plain_prefix(str_skip(s->text, s->at));
        if (s->at - start > (size_t)s->limits.string_bytes + 1) {
            FAIL(INVALID, "a JSON string is longer than its limit");
        }
        if (peek(s) == '"') {
            break;
        }
        TRY(scan_special(s, &escaped));
    }
    s->at++;
    struct json_token *t;
    TRY(push_token(s, JSON_STRING, start, &t));
    t->len = (uint32_t)(s->at - start);
    t->escaped = escaped;
    *out = t;
    return OK_STATUS;
}

static struct status skip_digits(struct scanner *s)
{
    size_t start = s->at;
    while (peek(s) >= '0' && peek(s) <= '9') {
        s->at++;
    }
    if (s->at == start) {
        FAIL(INVALID, "expected a digit in a JSON number");
    }
    return OK_STATUS;
}

static struct status skip_fraction_and_exponent(struct scanner *s)
{
    if (peek(s) == '.') {
        s->at++;
        TRY(skip_digits(s));
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-') {
            s->at++;
        }
        TRY(skip_digits(s));
    }
    return OK_STATUS;
}

static struct status scan_number(struct scanner *s)
{
    size_t start = s->at;
    if (peek(s) == '-') {
        s->at++;
    }
    if (peek(s) == '0') {
        s->at++;
    } else {
        TRY(skip_digits(s));
    }
    TRY(skip_fraction_and_exponent(s));
    struct json_token *t;
    TRY(push_token(s, JSON_NUMBER, start, &t));
    t->len = (uint32_t)(s->at - start);
    return OK_STATUS;
}

static struct status scan_word(struct scanner *s, struct str word, enum json_kind kind)
{
    if (!str_starts_with(str_skip(s->text, s->at), word)) {
        FAIL(INVALID, "expected a JSON value");
    }
    struct json_token *t;
    TRY(push_token(s, kind, s->at, &t));
    t->len = (uint32_t)word.len;
    s->at += word.len;
    return OK_STATUS;
}

static struct status open_container(struct scanner *s, enum json_kind kind)
{
    if (s->depth >= s->limits.depth) {
        FAIL(INVALID, "the JSON document is nested too deeply");
    }
    struct json_token *t;
    uint32_t index = s->doc->count;
    TRY(push_token(s, kind, s->at, &t));
    t->next = s->open;
    s->open = index;
    s->depth++;
    s->at++;
    return OK_STATUS;
}

static struct status close_container(struct scanner *s)
{
    uint32_t index = s->open;
    struct json_token *t = json_token_at(s->doc, index);
    s->at++;
    s->open = t->next;
    s->depth--;
    t->next = s->doc->count;
    t->len = (uint32_t)(s->at - t->start);
    if (t->kind != JSON_OBJECT) {
        return OK_STATUS;
    }
    uint32_t duplicate = 0;
    struct status checked = json_check_keys(s->doc, index, &s->keys, &duplicate);
    if (!status_ok(checked)) {
        s->at = json_token_at(s->doc, duplicate)->start;
    }
    return checked;
}

static struct status scan_value(struct scanner *s)
{
    struct json_token *t;
    skip_blanks(s);
    switch (peek(s)) {
    case '{':
        return open_container(s, JSON_OBJECT);
    case '[':
        return open_container(s, JSON_ARRAY);
    case '"':
        return scan_string(s, &t);
    case 't':
        return scan_word(s, STR("true"), JSON_BOOL);
    case 'f':
        return scan_word(s, STR("false"), JSON_BOOL);
    case 'n':
        return scan_word(s, STR("null"), JSON_NULL);
    default:
        break;
    }
    if (peek(s) != '-' && (peek(s) < '0' || peek(s) > '9')) {
        FAIL(INVALID, "expected a JSON value");
    }
    return scan_number(s);
}

// Escaped keys are decoded here, so that reading them later can't fail.
static struct status remember_decoded(struct json_doc *doc, struct json_token *key)
{
    if (doc->decoded_count == doc->decoded_capacity) {
        uint32_t capacity = doc->decoded_capacity == 0 ? 8 : doc->decoded_capacity * 2;
        struct str *grown = ARENA_ARRAY(doc->arena, struct str, capacity);
        if (grown == NULL) {
            FAIL(NOMEM, "request needs more memory than its limit");
        }
        if (doc->decoded_count > 0) {
            memcpy(grown, doc->decoded_keys, doc->decoded_count * sizeof *grown);
        }
        doc->decoded_keys = grown;
        doc->decoded_capacity = capacity;
    }
    struct str body = json_token_body(doc, key);
    char *text = arena_alloc(doc->arena, body.len);
    if (text == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    size_t len;
    TRY(json_unescape(body, text, &len));
    key->next = doc->decoded_count;
    doc->decoded_keys[doc->decoded_count++] = (struct str){text, len};
    return OK_STATUS;
}

static struct status scan_key(struct scanner *s)
{
    skip_blanks(s);
    if (peek(s) != '"') {
        FAIL(INVALID, "expected a key in double quotes");
    }
    struct json_token *key;
    TRY(scan_string(s, &key));
    if (key->escaped) {
        TRY(remember_decoded(s->doc, key));
    }
    skip_blanks(s);
    if (peek(s) != ':') {
        FAIL(INVALID, "expected a colon after the key");
    }
    s->at++;
    return OK_STATUS;
}

// One element, one member with its key, or the document's only value.
static struct status scan_item(struct scanner *s)
{
    if (s->open != NOTHING) {
        struct json_token *container = json_token_at(s->doc, s->open);
        if (container->count >= s->limits.members) {
            FAIL(INVALID, "a JSON array or object has too many members");
        }
        container->count++;
        if (container->kind == JSON_OBJECT) {
            TRY(scan_key(s));
        }
    }
    return scan_value(s);
}

// Closes every container that ends here and stops where the next item begins.
static struct status scan_separators(struct scanner *s)
{
    while (s->open != NOTHING) {
        skip_blanks(s);
        const struct json_token *container = json_token_at(s->doc, s->open);
        if (peek(s) == (container->kind == JSON_OBJECT ? '}' : ']')) {
            TRY(close_container(s));
            continue;
        }
        if (container->count == 0) { // opened just now
            return OK_STATUS;
        }
        if (peek(s) != ',') {
            FAIL(INVALID, "expected a comma or the end of the array or object");
        }
        s->at++;
        return OK_STATUS;
    }
    return OK_STATUS;
}

static struct status scan_document(struct scanner *s)
{
    do {
        TRY(scan_item(s));
        TRY(scan_separators(s));
    } while (s->open != NOTHING);
    skip_blanks(s);
    if (s->at != s->text.len) {
        FAIL(INVALID, "unexpected text after the JSON value");
    }
    return OK_STATUS;
}

struct status json_parse(struct str text, const struct json_limits *limits, struct arena *arena,
                         struct json_value *out, struct text_position *where)
{
    if (text.len > UINT32_MAX - 1) {
        FAIL(INVALID, "the JSON document is too long");
    }
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    if (doc == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    doc->text = text;
    doc->arena = arena;
    struct scanner s = {.doc = doc, .text = text, .open = NOTHING};
    s.limits = limits == NULL ? JSON_DEFAULT_LIMITS : *limits;
    struct status scanned = scan_document(&s);
    if (!status_ok(scanned)) {
        if (where != NULL) {
            *where = text_position_at(text, s.at);
        }
        return scanned;
    }
    *out = (struct json_value){doc, 0};
    return OK_STATUS;
}
