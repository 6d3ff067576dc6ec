// SPDX-License-Identifier: ISC
#include "vault/base/json.h"

#include <stdio.h>

#include "tests/support/test.h"

static int open_arena(void **state)
{
    *state = arena_new(LIMIT_ARENA_BYTES);
    return *state == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static struct status parse(void **state, struct str text, struct json_value *out)
{
    return json_parse(text, NULL, *state, out, NULL);
}

static struct json_value parsed(void **state, struct str text)
{
    struct json_value v;
    assert_ok(parse(state, text, &v));
    return v;
}

static void accepts_every_kind(void **state)
{
    assert_int_equal(JSON_NULL, json_kind(parsed(state, STR(" null "))));
    assert_int_equal(JSON_BOOL, json_kind(parsed(state, STR("true"))));
    assert_int_equal(JSON_NUMBER, json_kind(parsed(state, STR("-0.5e+10"))));
    assert_int_equal(JSON_STRING, json_kind(parsed(state, STR("\"\""))));
    assert_int_equal(JSON_ARRAY, json_kind(parsed(state, STR("[]"))));
    assert_int_equal(JSON_OBJECT, json_kind(parsed(state, STR("{}\r\n\t"))));
}

static void refuses_what_rfc_8259_does_not_allow(void **state)
{
    static const char *const wrong[] = {
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "[1]]",
        "1 2",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x10",
        "NaN",
        "Infinity",
        "nul",
        "nulll",
        "True",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\t\"",
        "[1,,2]",
        "{\"a\":}",
        "{,}",
        "// c\n1",
        "\xEF\xBB\xBF{}",
        "{\"a\":1]",
        "[1}",
        "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"",
        "\"\xFF\"",
        "[\"a\":1]",
        "\"\\",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct json_value v;
        struct status s = parse(state, str_from_c(wrong[i]), &v);
        if (s.code != STATUS_INVALID) {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
}

static void refuses_nul_octets(void **state)
{
    struct json_value v;
    assert_status(INVALID, parse(state, STR("\"a\0b\""), &v));
    assert_status(INVALID, parse(state, STR("1\0"), &v));
    assert_status(INVALID, parse(state, STR("[\0]"), &v));
}

static void raw_gives_the_clients_own_bytes(void **state)
{
    struct json_value v = parsed(
        state,
        STR("{\"n\": 1.10 ,\"big\":12345678901234567890123,\"d\":{ \"x\" : \"\\u00e9\" } }"));
    assert_str("1.10", json_raw(json_get(v, "n")));
    assert_str("12345678901234567890123", json_raw(json_get(v, "big")));
    assert_str("{ \"x\" : \"\\u00e9\" }", json_raw(json_get(v, "d")));
    assert_int_equal(0, json_raw(json_get(v, "absent")).len);
}

static void strings_are_decoded(void **state)
{
    struct str out;
    assert_ok(json_as_str(parsed(state, STR("\"plain\"")), &out));
    assert_str("plain", out);
    assert_ok(json_as_str(
        parsed(state, STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\uDD11!\"")),
        &out));
    assert_str("\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x91!", out);
}

static void text_refuses_escaped_nul_and_half_surrogates(void **state)
{
    static const char *const wrong[] = {"\"a\\u0000\"", "\"\\ud83d\"", "\"\\ud83d\\u0041\"",
                                        "\"\\udd11\"", "\"\\ud83dx\""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct json_value v = parsed(state, str_from_c(wrong[i]));
        struct str out;
        assert_str(wrong[i], json_raw(v));
        assert_status(INVALID, json_as_str(v, &out));
    }
}

static void members_and_elements_keep_their_order(void **state)
{
    struct json_value v = parsed(state, STR("{\"b\":[1,[2],3],\"a\":{},\"\\u0063\":null}"));
    struct json_iter it = json_iterate(v);
    assert_true(json_next(&it));
    assert_str("b", it.key);
    assert_int_equal(3, json_count(it.value));
    struct json_iter inner = json_iterate(it.value);
    assert_true(json_next(&inner) && json_next(&inner) && json_next(&inner));
    assert_str("3", json_raw(inner.value));
    assert_false(json_next(&inner));
    assert_true(json_next(&it));
    assert_str("a", it.key);
    assert_true(json_next(&it));
    assert_str("c", it.key);
    assert_false(json_next(&it));
    assert_true(json_present(json_get(v, "c")));
    assert_true(json_is_null(json_get(v, "c")));
    assert_false(json_present(json_get(v, "d")));
}

static void refuses_the_same_key_twice(void **state)
{
    struct json_value v;
    assert_status(INVALID, parse(state, STR("{\"a\":1,\"a\":2}"), &v));
    assert_status(INVALID, parse(state, STR("{\"a\":1,\"\\u0061\":2}"), &v));
    assert_status(INVALID, parse(state, STR("[{\"x\":{\"k\":[],\"j\":{},\"k\":0}}]"), &v));
    assert_status(INVALID, parse(state, STR("{\"\\u0000\":1}"), &v));
    assert_ok(parse(state, STR("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"), &v));
}

static struct str object_of_keys(struct arena *a, unsigned count, unsigned repeated)
{
    size_t room = (size_t)count * 16 + 8;
    char *text = arena_alloc(a, room);
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned key = i + 1 == count ? repeated : i;
        const char *before = i == 0 ? "{" : ",";
        len += (size_t)snprintf(text + len, room - len, "%s\"k%u\":%u", before, key, i);
    }
    text[len++] = '}';
    return (struct str){text, len};
}

static void finds_repeated_keys_in_objects_of_any_size(void **state)
{
    for (unsigned count = 2; count < 40; count++) {
        struct json_value v;
        assert_ok(parse(state, object_of_keys(*state, count, count - 1), &v));
        assert_int_equal(count, json_count(v));
        assert_status(INVALID, parse(state, object_of_keys(*state, count, 0), &v));
        assert_status(INVALID, parse(state, object_of_keys(*state, count, count - 2), &v));
    }
    struct json_value v;
    assert_ok(parse(state, object_of_keys(*state, 10000, 9999), &v));
    assert_status(INVALID, parse(state, object_of_keys(*state, 10000, 77), &v));
}

static void limits_hold_while_scanning(void **state)
{
    const struct json_limits limits = {.depth = 2, .members = 3, .string_bytes = 4};
    static const char *const fit[] = {"[[1,2,3]]", "{\"abcd\":\"wxyz\"}"};
    static const char *const beyond[] = {"[[[]]]", "[1,2,3,4]", "\"abcde\"", "{\"abcde\":1}",
                                         "[[[[[["};
    struct json_value v;
    for (size_t i = 0; i < ARRAY_LEN(fit); i++) {
        assert_ok(json_parse(str_from_c(fit[i]), &limits, *state, &v, NULL));
    }
    for (size_t i = 0; i < ARRAY_LEN(beyond); i++) {
        assert_status(INVALID, json_parse(str_from_c(beyond[i]), &limits, *state, &v, NULL));
    }
}

static struct str repeated(struct arena *a, char c, size_t count)
{
    char *text = arena_alloc(a, count);
    memset(text, c, count);
    return (struct str){text, count};
}

// Known hole 6: CVE-2023-6337, CVE-2025-6203.
static void known_hole_6_nested_or_huge_json_costs_little(void **state)
{
    CLEANUP(arena_cleanup) struct arena *small = arena_new(64 * 1024);
    struct json_value v;
    struct str nested = repeated(*state, '[', 1000000);
    assert_status(INVALID, json_parse(nested, NULL, small, &v, NULL));
    struct str text = repeated(*state, ' ', 999999);
    assert_status(INVALID, json_parse(text, NULL, small, &v, NULL));
    // 300 thousand values: refused by count, before memory for them all was taken.
    char *many = arena_alloc(*state, 900000);
    for (size_t i = 0; i < 900000; i++) {
        many[i] = i % 60 == 0    ? '['
                  : i % 60 == 58 ? ']'
                  : i % 60 == 59 ? ','
                  : i % 2 == 1   ? '1'
                                 : ',';
    }
    assert_false(status_ok(json_parse((struct str){many, 900000}, NULL, small, &v, NULL)));
}

// The arena's limit stands in for the machine's: every allocation fails once.
static void running_out_of_memory_is_reported_wherever_it_happens(void **state)
{
    struct str text = object_of_keys(*state, 200, 199);
    struct str list = STR("[\"\\u0041,b\",{\"\\u0041\":1,\"\\u0042\":2}]");
    for (size_t max = 0; max < 16384; max += 16) {
        CLEANUP(arena_cleanup) struct arena *small = arena_new(max);
        struct json_value v;
        struct json_strings items;
        struct status s = json_parse(text, NULL, small, &v, NULL);
        assert_true(s.code == STATUS_OK || s.code == STATUS_NOMEM);
        s = json_parse(list, NULL, small, &v, NULL);
        if (status_ok(s)) {
            struct json_iter it = json_iterate(v);
            assert_true(json_next(&it));
            s = json_as_strings(it.value, &items);
        }
        assert_true(s.code == STATUS_OK || s.code == STATUS_NOMEM);
    }
}

static void errors_say_where(void **state)
{
    struct json_value v;
    struct text_position at;
    struct str text = STR("{\n  \"h\xC3\xA9\": tru\n}");
    assert_status(INVALID, json_parse(text, NULL, *state, &v, &at));
    assert_int_equal(2, at.line);
    assert_int_equal(9, at.column);
    assert_int_equal(11, at.offset);
    text = STR("{\"a\":1,\n \"a\":2}");
    assert_status(INVALID, json_parse(text, NULL, *state, &v, &at));
    assert_int_equal(2, at.line);
    assert_int_equal(2, at.column);
}

static void ints_are_whole_and_in_range(void **state)
{
    int64_t n = 7;
    assert_ok(json_as_int(parsed(state, STR("-9223372036854775807")), &n));
    assert_true(n == -INT64_MAX);
    assert_ok(json_as_int(parsed(state, STR("\"42\"")), &n));
    assert_int_equal(42, n);
    static const char *const wrong[] = {
        "1.0", "1e3", "9223372036854775808", "\"\"", "\"x\"", "true", "null", "[]", "\"1 \""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_status(INVALID, json_as_int(parsed(state, str_from_c(wrong[i])), &n));
    }
    assert_status(INVALID, json_as_int((struct json_value){NULL, 0}, &n));
    assert_int_equal(42, n);
}

static void bools_and_durations_come_as_strings_too(void **state)
{
    bool b = false;
    assert_ok(json_as_bool(parsed(state, STR("\"true\"")), &b));
    assert_true(b);
    assert_ok(json_as_bool(parsed(state, STR("0")), &b));
    assert_false(b);
    assert_status(INVALID, json_as_bool(parsed(state, STR("\"yes\"")), &b));
    assert_status(INVALID, json_as_bool(parsed(state, STR("2")), &b));
    int64_t s = 0;
    assert_ok(json_as_duration_s(parsed(state, STR("3600")), &s));
    assert_int_equal(3600, s);
    assert_ok(json_as_duration_s(parsed(state, STR("\"1h30m\"")), &s));
    assert_int_equal(5400, s);
    assert_status(INVALID, json_as_duration_s(parsed(state, STR("-1")), &s));
    assert_status(INVALID, json_as_duration_s(parsed(state, STR("1.5")), &s));
}

static void string_lists_come_as_arrays_or_with_commas(void **state)
{
    struct json_strings list;
    assert_ok(json_as_strings(parsed(state, STR("[\"a\",\"b\\n\"]")), &list));
    assert_int_equal(2, list.count);
    assert_str("b\n", list.items[1]);
    assert_ok(json_as_strings(parsed(state, STR("\" a , b,,\"")), &list));
    assert_int_equal(2, list.count);
    assert_str("a", list.items[0]);
    assert_str("b", list.items[1]);
    assert_ok(json_as_strings(parsed(state, STR("\"\"")), &list));
    assert_int_equal(0, list.count);
    assert_ok(json_as_strings(parsed(state, STR("[]")), &list));
    assert_int_equal(0, list.count);
    assert_status(INVALID, json_as_strings(parsed(state, STR("[1]")), &list));
    assert_status(INVALID, json_as_strings(parsed(state, STR("7")), &list));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(accepts_every_kind),
        TEST(refuses_what_rfc_8259_does_not_allow),
        TEST(refuses_nul_octets),
        TEST(raw_gives_the_clients_own_bytes),
        TEST(strings_are_decoded),
        TEST(text_refuses_escaped_nul_and_half_surrogates),
        TEST(members_and_elements_keep_their_order),
        TEST(refuses_the_same_key_twice),
        TEST(finds_repeated_keys_in_objects_of_any_size),
        TEST(limits_hold_while_scanning),
        TEST(known_hole_6_nested_or_huge_json_costs_little),
        TEST(running_out_of_memory_is_reported_wherever_it_happens),
        TEST(errors_say_where),
        TEST(ints_are_whole_and_in_range),
        TEST(bools_and_durations_come_as_strings_too),
        TEST(string_lists_come_as_arrays_or_with_commas),
    };
    return RUN_TESTS(tests);
}
