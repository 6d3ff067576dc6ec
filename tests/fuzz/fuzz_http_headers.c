// SPDX-License-Identifier: ISC
// Input: header fields, one "name:value" a line. Whether they pass, and whose token they carry,
// doesn't depend on their order or on the case of their names.
#include "api/http/http_headers.h"
#include "tests/fuzz/fuzz.h"

enum { UPPER_CASE_BIT = 0x20 };

static size_t read_fields(struct str text, struct http_header *items)
{
    size_t count = 0;
    while (text.len > 0 && count < HTTP_HEADERS) {
        struct str line;
        str_split(text, '\n', &line, &text);
        str_split(line, ':', &items[count].name, &items[count].value);
        items[count].value = str_trim(items[count].value);
        count++;
    }
    return count;
}

static void turn_around(const struct http_header *items, size_t count, struct http_header *out,
                        struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        const struct http_header *from = &items[count - 1 - i];
        char *name = arena_alloc(arena, from->name.len + 1);
        REQUIRE(name != NULL);
        for (size_t k = 0; k < from->name.len; k++) {
            char c = from->name.ptr[k];
            bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            name[k] = letter ? (char)(c ^ UPPER_CASE_BIT) : c;
        }
        out[i] = (struct http_header){{name, from->name.len}, from->value};
    }
}

static size_t count_of(const struct http_headers *headers, struct str name)
{
    size_t count = 0;
    for (size_t i = 0; i < headers->count; i++) {
        count += str_equal_nocase(headers->items[i].name, name);
    }
    return count;
}

static void check_framing(const struct http_headers *headers)
{
    struct str length = http_headers_get(headers, STR("Content-Length"));
    size_t lengths = count_of(headers, STR("Content-Length"));
    size_t codings = count_of(headers, STR("Transfer-Encoding"));
    REQUIRE(lengths + codings <= 1);
    REQUIRE(lengths == 0 || length.len > 0);
    for (size_t i = 0; i < length.len; i++) {
        REQUIRE(length.ptr[i] >= '0' && length.ptr[i] <= '9');
    }
    REQUIRE(codings == 0 ||
            str_equal_nocase(http_headers_get(headers, STR("Transfer-Encoding")), STR("chunked")));
    REQUIRE(count_of(headers, STR("X-Vault-Token")) <= 1);
    REQUIRE(count_of(headers, STR("Authorization")) <= 1);
    REQUIRE(count_of(headers, STR("X-Vault-Namespace")) <= 1);
    REQUIRE(count_of(headers, STR("X-Vault-Wrap-TTL")) <= 1);
}

static void check_token(const struct http_headers *headers, const struct http_headers *turned)
{
    struct str token;
    struct str again;
    bool found = status_ok(http_headers_token(headers, &token));
    REQUIRE(found == status_ok(http_headers_token(turned, &again)));
    if (found) {
        struct str sent = http_headers_get(headers, STR("X-Vault-Token"));
        REQUIRE(str_equal(token, again));
        REQUIRE(sent.len == 0 || str_equal(sent, token));
        REQUIRE(token.len == 0 || sent.len > 0 ||
                str_ends_with(http_headers_get(headers, STR("Authorization")), token));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct http_header items[HTTP_HEADERS];
    struct http_header other[HTTP_HEADERS];
    size_t count = read_fields((struct str){(const char *)data, size}, items);
    turn_around(items, count, other, arena);
    const struct http_headers headers = {items, count};
    const struct http_headers turned = {other, count};
    bool passes = status_ok(http_headers_check(&headers));
    REQUIRE(passes == status_ok(http_headers_check(&turned)));
    if (passes) {
        check_framing(&headers);
        check_token(&headers, &turned);
    }
    return 0;
}
