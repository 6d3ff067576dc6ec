// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/base/json_internal.h"
#include "vault/base/utf8.h"

#define EVERY(byte) (0x0101010101010101ULL * (byte))

// Nonzero when one of eight octets is below 20, above 7F, a quote or a backslash. An octet x is
// zero when (x - 1) & ~x has its top bit set; borrows only add hits after a true one.
static uint64_t needs_attention(uint64_t octets)
{
    uint64_t quote = octets ^ EVERY(0x22);
    uint64_t slash = octets ^ EVERY(0x5C);
    uint64_t control = (octets - EVERY(0x20)) & ~octets;
    uint64_t is_quote = (quote - EVERY(1)) & ~quote;
    uint64_t is_slash = (slash - EVERY(1)) & ~slash;
    return (octets | control | is_quote | is_slash) & EVERY(0x80);
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

size_t json_plain_prefix(struct str s)
{
    size_t i = 0;
    uint64_t octets;
    for (; i + sizeof octets <= s.len; i += sizeof octets) {
        memcpy(&octets, s.ptr + i, sizeof octets);
        if (needs_attention(octets) != 0) {
            break;
        }
    }
    while (i < s.len && is_plain((unsigned char)s.ptr[i])) {
        i++;
    }
    return i;
}

static uint32_t hex_digit(char c)
{
    return (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static uint32_t hex4(const char *p)
{
    return hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 | hex_digit(p[3]);
}

// The character that the \uXXXX (or the pair of them) at the start of `s` stands for.
static struct status unicode_escape(struct str s, uint32_t *code_point, size_t *used)
{
    uint32_t first = hex4(s.ptr + 2);
    if (first == 0) {
        FAIL(INVALID, "\\u0000 is not allowed in text");
    }
    *used = 6;
    *code_point = first;
    if (first < 0xD800 || first > 0xDFFF) {
        return OK_STATUS;
    }
    bool paired = first <= 0xDBFF && s.len >= 12 && s.ptr[6] == '\\' && s.ptr[7] == 'u';
    uint32_t second = paired ? hex4(s.ptr + 8) : 0;
    if (second < 0xDC00 || second > 0xDFFF) {
        FAIL(INVALID, "a \\u escape is half a surrogate pair");
    }
    *used = 12;
    *code_point = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    return OK_STATUS;
}

static char short_escape(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: // the quote and both slashes stand for themselves
        return letter;
    }
}

struct status json_unescape(struct str body, char *out, size_t *out_len)
{
    size_t len = 0;
    while (body.len > 0) {
        const char *slash = memchr(body.ptr, '\\', body.len);
        size_t run = slash == NULL ? body.len : (size_t)(slash - body.ptr);
        memcpy(out + len, body.ptr, run);
        len += run;
        body = str_skip(body, run);
        if (body.len == 0) {
            break;
        }
        size_t used = 2;
        if (body.ptr[1] == 'u') {
            uint32_t code_point;
            TRY(unicode_escape(body, &code_point, &used));
            len += utf8_encode(code_point, out + len);
        } else {
            out[len++] = short_escape(body.ptr[1]);
        }
        body = str_skip(body, used);
    }
    *out_len = len;
    return OK_STATUS;
}
