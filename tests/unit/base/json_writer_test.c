// SPDX-License-Identifier: ISC
#include "vault/base/json_writer.h"

#include "vault/base/json.h"

#include "tests/support/test.h"

static struct buffer buffer;

static int open_buffer(void **state)
{
    (void)state;
    buffer_init(&buffer, 4096);
    return 0;
}

static int close_buffer(void **state)
{
    (void)state;
    buffer_done(&buffer);
    return 0;
}

static void commas_stand_between_items_only(void **state)
{
    (void)state;
    struct json_writer w = json_writer_on(&buffer);
    json_begin_object(&w);
    json_add_string(&w, "s", STR("v"));
    json_put_key(&w, "list");
    json_begin_array(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_put_int(&w, -7);
    json_put_null(&w);
    json_end_array(&w);
    json_add_bool(&w, "b", false);
    json_add_raw(&w, "raw", STR("1.10"));
    json_add_string_or_null(&w, "none", STR(""));
    json_end_object(&w);
    assert_ok(json_writer_status(&w));
    assert_str("{\"s\":\"v\",\"list\":[{},-7,null],\"b\":false,\"raw\":1.10,\"none\":null}",
               buffer_str(&buffer));
}

static void escapes_what_must_be_escaped(void **state)
{
    (void)state;
    struct json_writer w = json_writer_on(&buffer);
    json_put_string(&w, STR("a long plain run \"q\" \\ \n\t\r\b\f\0\x1F\x7F <&> \xE2\x82\xAC"));
    assert_str(
        "\"a long plain run \\\"q\\\" \\\\ \\n\\t\\r\\b\\f\\u0000\\u001f\x7F <&> \xE2\x82\xAC\"",
        buffer_str(&buffer));
}

static void malformed_utf8_becomes_replacement_characters(void **state)
{
    (void)state;
    struct json_writer w = json_writer_on(&buffer);
    json_put_string(&w, STR("a\xFF"
                            "b\xE2\x82"));
    assert_str("\"a\xEF\xBF\xBD"
               "b\xEF\xBF\xBD\xEF\xBF\xBD\"",
               buffer_str(&buffer));
}

// Every octet in every position of an eight-octet word, and short runs beside.
static void every_octet_survives_a_round_trip(void **state)
{
    (void)state;
    CLEANUP(arena_cleanup) struct arena *a = arena_new(LIMIT_ARENA_BYTES);
    for (int c = 1; c < 0x80; c++) {
        for (size_t at = 0; at < 17; at++) {
            char text[17];
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            struct str want = {text, sizeof text};
            buffer_clear(&buffer);
            struct json_writer w = json_writer_on(&buffer);
            json_put_string(&w, want);
            struct json_value v;
            struct str got;
            assert_ok(json_parse(buffer_str(&buffer), NULL, a, &v, NULL));
            assert_ok(json_as_str(v, &got));
            assert_true(str_equal(want, got));
        }
    }
}

static void times_and_base64_are_text(void **state)
{
    (void)state;
    struct json_writer w = json_writer_on(&buffer);
    json_begin_array(&w);
    json_put_time(&w, 1500000);
    json_put_base64(&w, (struct bytes){(const uint8_t *)"abc", 3});
    json_end_array(&w);
    assert_ok(json_writer_status(&w));
    assert_str("[\"1970-01-01T00:00:01.5Z\",\"YWJj\"]", buffer_str(&buffer));
}

static void more_than_the_buffers_maximum_is_remembered(void **state)
{
    (void)state;
    struct json_writer w = json_writer_on(&buffer);
    json_begin_array(&w);
    for (int i = 0; i < 5000; i++) {
        json_put_int(&w, i);
    }
    json_end_array(&w);
    assert_status(TOO_LARGE, json_writer_status(&w));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_buffer, close_buffer)
    const struct CMUnitTest tests[] = {
        TEST(commas_stand_between_items_only),
        TEST(escapes_what_must_be_escaped),
        TEST(malformed_utf8_becomes_replacement_characters),
        TEST(every_octet_survives_a_round_trip),
        TEST(times_and_base64_are_text),
        TEST(more_than_the_buffers_maximum_is_remembered),
    };
    return RUN_TESTS(tests);
}
