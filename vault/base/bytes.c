// SPDX-License-Identifier: ISC
#include "vault/base/bytes.h"

#include <string.h>

#include "vault/base/utf8.h"

struct str str_from_c(const char *text)
{
    return text == NULL ? (struct str){NULL, 0} : (struct str){text, strlen(text)};
}

struct str str_from_bytes(struct bytes b)
{
    return (struct str){(const char *)b.ptr, b.len};
}

struct bytes bytes_from_str(struct str s)
{
    return (struct bytes){(const uint8_t *)s.ptr, s.len};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_equal(struct str a, struct str b)
{
    return bytes_equal(bytes_from_str(a), bytes_from_str(b));
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool str_equal_c(struct str a, const char *b)
{
    return str_equal(a, str_from_c(b));
}

int str_compare(struct str a, struct str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.ptr, b.ptr, shared);
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal(str_first(s, prefix.len), prefix);
}

bool str_ends_with(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_equal(str_skip(s, s.len - suffix.len), suffix);
}

struct str str_skip(struct str s, size_t count)
{
    size_t skipped = count < s.len ? count : s.len;
    return skipped == 0 ? s : (struct str){s.ptr + skipped, s.len - skipped};
}

struct str str_first(struct str s, size_t count)
{
    return (struct str){s.ptr, count < s.len ? count : s.len};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s = str_skip(s, 1);
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool str_split(struct str s, char separator, struct str *head, struct str *rest)
{
    const char *at = s.len == 0 ? NULL : memchr(s.ptr, separator, s.len);
    if (at == NULL) {
        *head = s;
        *rest = (struct str){NULL, 0};
        return false;
    }
    size_t before = (size_t)(at - s.ptr);
    *head = str_first(s, before);
    *rest = str_skip(s, before + 1);
    return true;
}

// Nonzero when one of eight octets is zero or above 7F.
static uint64_t beyond_ascii(uint64_t octets)
{
    return ((octets - 0x0101010101010101) | octets) & 0x8080808080808080;
}

bool str_is_text(struct str s)
{
    uint64_t octets;
    while (s.len > 0) {
        if (s.len >= sizeof octets) {
            memcpy(&octets, s.ptr, sizeof octets);
            if (beyond_ascii(octets) == 0) {
                s = str_skip(s, sizeof octets);
                continue;
            }
        }
        size_t length = utf8_length(s);
        if (length == 0 || *s.ptr == '\0') {
            return false;
        }
        s = str_skip(s, length);
    }
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Reads leading digits; false when there are none or the value overflows.
static bool parse_digits(struct str *s, int64_t *out)
{
    if (s->len == 0 || !is_digit(s->ptr[0])) {
        return false;
    }
    int64_t value = 0;
    while (s->len > 0 && is_digit(s->ptr[0])) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, s->ptr[0] - '0', &value)) {
            return false;
        }
        *s = str_skip(*s, 1);
    }
    *out = value;
    return true;
}

struct status str_parse_int(struct str s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    struct str digits = negative ? str_skip(s, 1) : s;
    int64_t value;
    if (!parse_digits(&digits, &value) || digits.len != 0) {
        FAIL(INVALID, "expected a whole number");
    }
    *out = negative ? -value : value;
    return OK_STATUS;
}

static int64_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

struct status str_parse_duration_s(struct str s, int64_t *out)
{
    int64_t total = 0;
    struct str rest = s;
    do {
        int64_t part;
        if (!parse_digits(&rest, &part)) {
            FAIL(INVALID, "expected a duration such as 90s, 5m or 1h30m");
        }
        // A bare number is seconds, and nothing may follow it.
        int64_t unit = rest.len == 0 ? 1 : unit_seconds(rest.ptr[0]);
        rest = str_skip(rest, 1);
        if (unit == 0 || __builtin_mul_overflow(part, unit, &part) ||
            __builtin_add_overflow(total, part, &total)) {
            FAIL(INVALID, "expected a duration such as 90s, 5m or 1h30m");
        }
    } while (rest.len > 0);
    *out = total;
    return OK_STATUS;
}

void bytes_to_hex(struct bytes b, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < b.len; i++) {
        out[2 * i] = digits[b.ptr[i] >> 4];
        out[2 * i + 1] = digits[b.ptr[i] & 15];
    }
    out[2 * b.len] = '\0';
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    unsigned char folded = lower(c);
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

struct status bytes_from_hex(struct str hex, uint8_t *out, size_t len)
{
    if (hex.len != 2 * len) {
        FAIL(INVALID, "wrong number of hexadecimal digits");
    }
    for (size_t i = 0; i < hex.len; i++) {
        if (hex_value(hex.ptr[i]) < 0) {
            FAIL(INVALID, "expected hexadecimal digits");
        }
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(hex_value(hex.ptr[2 * i]) * 16 + hex_value(hex.ptr[2 * i + 1]));
    }
    return OK_STATUS;
}
