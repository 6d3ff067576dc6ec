// SPDX-License-Identifier: ISC
#include "vault/base/utf8.h"

// The rows of RFC 3629 section 4: which lead octets open a sequence of how many octets, and the
// range that its second octet must lie in. The others are always 80-BF.
static const struct utf8_row {
    uint8_t lead_low;
    uint8_t lead_high;
    uint8_t length;
    uint8_t second_low;
    uint8_t second_high;
} ROWS[] = {
    {0x00, 0x7F, 1, 0x00, 0x00}, {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

static bool tail_fits(const uint8_t *p, const struct utf8_row *row)
{
    if (row->length > 1 && (p[1] < row->second_low || p[1] > row->second_high)) {
        return false;
    }
    for (size_t i = 2; i < row->length; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return false;
        }
    }
    return true;
}

size_t utf8_length(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    if (s.len == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct utf8_row *row = &ROWS[i];
        if (p[0] >= row->lead_low && p[0] <= row->lead_high) {
            return s.len >= row->length && tail_fits(p, row) ? row->length : 0;
        }
    }
    return 0;
}

static char continuation(uint32_t code_point, unsigned shift)
{
    return (char)(0x80 | ((code_point >> shift) & 0x3F));
}

size_t utf8_encode(uint32_t code_point, char out[UTF8_MAX_BYTES])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | (code_point >> 6));
        out[1] = continuation(code_point, 0);
        return 2;
    }
    if ((code_point >= 0xD800 && code_point <= 0xDFFF) || code_point > 0x10FFFF) {
        return 0;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | (code_point >> 12));
        out[1] = continuation(code_point, 6);
        out[2] = continuation(code_point, 0);
        return 3;
    }
    out[0] = (char)(0xF0 | (code_point >> 18));
    out[1] = continuation(code_point, 12);
    out[2] = continuation(code_point, 6);
    out[3] = continuation(code_point, 0);
    return 4;
}
