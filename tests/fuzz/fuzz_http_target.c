// SPDX-License-Identifier: ISC
// A request target. What is accepted is made of whole segments, and written out again by the client
// it means the same.
#include "api/cli/encode.h"
#include "api/http/http_path.h"
#include "tests/fuzz/fuzz.h"

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

static void check_path(const struct http_path *path)
{
    struct str rest = path->text;
    REQUIRE(path->count <= HTTP_PATH_SEGMENTS && path->text.len < LIMIT_PATH_BYTES);
    REQUIRE(str_is_text(path->text) && !has_control(path->text));
    REQUIRE(path->count > 0 || (path->text.len == 0 && !path->trailing_slash));
    for (size_t i = 0; i < path->count; i++) {
        struct str segment;
        bool more = str_split(rest, '/', &segment, &rest);
        REQUIRE(more == (i + 1 < path->count || path->trailing_slash));
        REQUIRE(segment.len > 0 && str_equal(segment, path->segments[i]));
        REQUIRE(!str_equal_c(segment, ".") && !str_equal_c(segment, ".."));
    }
    REQUIRE(rest.len == 0);
}

static void check_params(const struct http_params *params)
{
    REQUIRE(params->count <= HTTP_QUERY_PARAMS);
    for (size_t i = 0; i < params->count; i++) {
        struct str first;
        REQUIRE(str_is_text(params->items[i].name) && str_is_text(params->items[i].value));
        REQUIRE(http_params_get(params, params->items[i].name, &first));
        REQUIRE(first.ptr == params->items[i].value.ptr); // no name twice
    }
}

static void write_target(const struct http_path *path, const struct http_params *params,
                         struct buffer *out)
{
    struct buffer query;
    buffer_init(&query, LIMIT_BODY_BYTES);
    buffer_append_byte(out, '/');
    cli_encode_path(out, path->text);
    for (size_t i = 0; i < params->count; i++) {
        cli_query_add(&query, params->items[i].name, params->items[i].value);
    }
    if (query.len > 0) {
        buffer_append_byte(out, '?');
        buffer_append(out, buffer_bytes(&query));
    }
    buffer_done(&query);
}

static void must_mean_the_same(struct str target, struct arena *arena, const struct http_path *path,
                               const struct http_params *params)
{
    struct http_path path_again;
    struct http_params params_again;
    struct str raw_path;
    struct str raw_query;
    str_split(target, '?', &raw_path, &raw_query);
    if (raw_path.len > LIMIT_PATH_BYTES) {
        return; // written out it is longer than allowed
    }
    REQUIRE(status_ok(http_target_parse(arena, target, &path_again, &params_again)));
    REQUIRE(str_equal(path_again.text, path->text) && params_again.count == params->count);
    for (size_t i = 0; i < params->count; i++) {
        REQUIRE(str_equal(params_again.items[i].name, params->items[i].name));
        REQUIRE(str_equal(params_again.items[i].value, params->items[i].value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct http_path path;
    struct http_params params;
    struct str target = {(const char *)data, size};
    if (!status_ok(http_target_parse(arena, target, &path, &params))) {
        return 0;
    }
    check_path(&path);
    check_params(&params);
    struct buffer written;
    buffer_init(&written, LIMIT_BODY_BYTES);
    write_target(&path, &params, &written);
    if (status_ok(buffer_status(&written))) {
        must_mean_the_same(buffer_str(&written), arena, &path, &params);
    }
    buffer_done(&written);
    return 0;
}
