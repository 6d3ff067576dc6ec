// SPDX-License-Identifier: ISC
#include "vault/base/bytes.h"

#include "tests/support/test.h"

static void text_refuses_nul_surrogates_and_overlong_forms(void **state)
{
    (void)state;
    assert_true(str_is_text(STR("plain")));
    assert_true(str_is_text(STR("h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x94\x91")));
    assert_false(str_is_text(STR("a\0b")));
    assert_false(str_is_text(STR("\xC0\x80")));
    assert_false(str_is_text(STR("\xED\xA0\x80")));
    assert_false(str_is_text(STR("\xF4\x90\x80\x80")));
    assert_false(str_is_text(STR("\xE2\x82")));
}

static void int_refuses_overflow_and_trailing_text(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_ok(str_parse_int(STR("-42"), &value));
    assert_int_equal(-42, value);
    assert_status(INVALID, str_parse_int(STR("9223372036854775808"), &value));
    assert_status(INVALID, str_parse_int(STR("1x"), &value));
    assert_status(INVALID, str_parse_int(STR(""), &value));
    assert_int_equal(-42, value);
}

static void duration_sums_units(void **state)
{
    (void)state;
    int64_t seconds = 0;
    assert_ok(str_parse_duration_s(STR("1h30m"), &seconds));
    assert_int_equal(5400, seconds);
    assert_ok(str_parse_duration_s(STR("90"), &seconds));
    assert_int_equal(90, seconds);
    assert_status(INVALID, str_parse_duration_s(STR(""), &seconds));
    assert_status(INVALID, str_parse_duration_s(STR("-5s"), &seconds));
    assert_status(INVALID, str_parse_duration_s(STR("5x"), &seconds));
}

static void hex_round_trips(void **state)
{
    (void)state;
    uint8_t raw[3];
    char text[7];
    assert_ok(bytes_from_hex(STR("00fFa1"), raw, sizeof raw));
    bytes_to_hex(BYTES_OF(raw), text);
    assert_string_equal("00ffa1", text);
    assert_status(INVALID, bytes_from_hex(STR("00ff"), raw, sizeof raw));
    assert_status(INVALID, bytes_from_hex(STR("00fg00"), raw, sizeof raw));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_refuses_nul_surrogates_and_overlong_forms),
        cmocka_unit_test(int_refuses_overflow_and_trailing_text),
        cmocka_unit_test(duration_sums_units),
        cmocka_unit_test(hex_round_trips),
    };
    return RUN_TESTS(tests);
}
