// SPDX-License-Identifier: ISC
#include "vault/base/utf8.h"

#include "vault/base/text_position.h"

#include "tests/support/test.h"

static bool is_surrogate(uint32_t code_point)
{
    return code_point >= 0xD800 && code_point <= 0xDFFF;
}

static void every_character_round_trips(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char text[UTF8_MAX_BYTES];
        size_t length = utf8_encode(c, text);
        if (is_surrogate(c) || c > 0x10FFFF) {
            assert_int_equal(0, length);
            continue;
        }
        assert_int_equal(length, utf8_length((struct str){text, length}));
        assert_int_equal(0, utf8_length((struct str){text, length - 1}));
    }
}

// The sequence of `length` octets at the start of `text` is what its character is written as.
static bool is_canonical(const char text[UTF8_MAX_BYTES], size_t length)
{
    uint32_t code_point = (uint8_t)text[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        code_point = code_point << 6 | ((uint8_t)text[i] & 0x3F);
    }
    char canonical[UTF8_MAX_BYTES];
    return utf8_encode(code_point, canonical) == length && memcmp(text, canonical, length) == 0;
}

static void only_canonical_sequences_are_text(void **state)
{
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            char text[UTF8_MAX_BYTES] = {(char)first, (char)second, (char)0x80, (char)0xBF};
            size_t expected = 0;
            for (size_t length = 2; length <= UTF8_MAX_BYTES; length++) {
                expected = is_canonical(text, length) ? length : expected;
            }
            assert_int_equal(expected, utf8_length((struct str){text, sizeof text}));
        }
    }
}

static void text_is_checked_at_every_place(void **state)
{
    (void)state;
    static const char bad[] = {'\0', '\x80', '\xFF'};
    for (size_t at = 0; at < 20; at++) {
        for (size_t i = 0; i < sizeof bad; i++) {
            char text[20];
            memset(text, 'a', sizeof text);
            assert_true(str_is_text((struct str){text, sizeof text}));
            text[at] = bad[i];
            assert_false(str_is_text((struct str){text, sizeof text}));
        }
    }
}

static void positions_count_lines_and_characters(void **state)
{
    (void)state;
    struct str text = STR("ab\n\xC3\xA9\xE2\x82\xACx\n");
    static const uint32_t want[][3] = {{0, 1, 1}, {2, 1, 3}, {3, 2, 1},  {5, 2, 2},
                                       {8, 2, 3}, {9, 2, 4}, {10, 3, 1}, {99, 3, 1}};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct text_position at = text_position_at(text, want[i][0]);
        assert_int_equal(want[i][1], at.line);
        assert_int_equal(want[i][2], at.column);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_round_trips),
        cmocka_unit_test(only_canonical_sequences_are_text),
        cmocka_unit_test(text_is_checked_at_every_place),
        cmocka_unit_test(positions_count_lines_and_characters),
    };
    return RUN_TESTS(tests);
}
