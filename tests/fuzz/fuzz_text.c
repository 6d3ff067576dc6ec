// SPDX-License-Identifier: ISC
// Numbers, durations, hexadecimal, UTF-8 and JSON strings: any text.
#include <stdio.h>

#include "tests/fuzz/fuzz.h"
#include "vault/base/json.h"
#include "vault/base/json_writer.h"
#include "vault/base/utf8.h"

static void check_int(struct str text)
{
    int64_t value;
    int64_t again;
    char written[32];
    if (!status_ok(str_parse_int(text, &value))) {
        return;
    }
    snprintf(written, sizeof written, "%lld", (long long)value);
    REQUIRE(status_ok(str_parse_int(str_from_c(written), &again)) && again == value);
    for (size_t i = text.ptr[0] == '-'; i < text.len; i++) {
        REQUIRE(text.ptr[i] >= '0' && text.ptr[i] <= '9');
    }
}

static void check_duration(struct str text)
{
    int64_t value;
    int64_t again;
    char written[32];
    if (status_ok(str_parse_duration_s(text, &value))) {
        snprintf(written, sizeof written, "%llds", (long long)value);
        REQUIRE(value >= 0);
        REQUIRE(status_ok(str_parse_duration_s(str_from_c(written), &again)) && again == value);
    }
}

static void check_hex(struct str text, struct arena *arena)
{
    uint8_t *octets = arena_alloc(arena, text.len + 1);
    char *hex = arena_alloc(arena, 2 * text.len + 1);
    char *written = arena_alloc(arena, 2 * text.len + 1);
    REQUIRE(octets != NULL && hex != NULL && written != NULL);
    bytes_to_hex(bytes_from_str(text), hex);
    REQUIRE(status_ok(bytes_from_hex(str_from_c(hex), octets, text.len)));
    REQUIRE(bytes_equal((struct bytes){octets, text.len}, bytes_from_str(text)));
    if (status_ok(bytes_from_hex(text, octets, text.len / 2))) {
        bytes_to_hex((struct bytes){octets, text.len / 2}, written);
        REQUIRE(str_equal_nocase(str_from_c(written), text));
    }
}

static void check_utf8(struct str text)
{
    bool whole = true;
    struct str rest = text;
    while (rest.len > 0 && whole) {
        size_t length = utf8_length(rest);
        whole = length > 0 && rest.ptr[0] != '\0';
        REQUIRE(length <= rest.len);
        rest = str_skip(rest, length);
    }
    REQUIRE(whole == str_is_text(text));
}

// Whatever is written as a string is a JSON string, and what is text comes back.
static void check_json_string(struct str text, struct arena *arena)
{
    struct buffer out;
    struct json_value v;
    struct str back;
    buffer_init(&out, LIMIT_BODY_BYTES * 8);
    struct json_writer w = json_writer_on(&out);
    json_put_string(&w, text);
    REQUIRE(status_ok(json_writer_status(&w)));
    const struct json_limits limits = {1, 1, LIMIT_BODY_BYTES * 8};
    REQUIRE(status_ok(json_parse(buffer_str(&out), &limits, arena, &v, NULL)));
    if (str_is_text(text)) {
        REQUIRE(status_ok(json_as_str(v, &back)) && str_equal(back, text));
    }
    buffer_done(&out);
}

static void check_slices(struct str text)
{
    struct str head;
    struct str rest;
    struct str trimmed = str_trim(text);
    bool found = str_split(text, ',', &head, &rest);
    REQUIRE(head.len + rest.len + found == text.len);
    REQUIRE(trimmed.len <= text.len && str_equal(str_trim(trimmed), trimmed));
    REQUIRE(str_starts_with(text, head) && str_ends_with(text, rest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct str text = {(const char *)data, size};
    check_int(text);
    check_duration(text);
    check_hex(text, arena);
    check_utf8(text);
    check_json_string(text, arena);
    check_slices(text);
    return 0;
}
