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

// The shortest beginning of `text` that is text; a character is nothing less and nothing more.
static size_t shortest_text(const char text[UTF8_MAX_BYTES])
{
    for (size_t n = 1; n <= UTF8_MAX_BYTES; n++) {
        if (str_is_text((struct str){text, n})) {
            return n;
        }
    }
    return 0;
}

static void agrees_with_str_is_text(void **state)
{
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            char text[UTF8_MAX_BYTES] = {(char)first, (char)second, (char)0x80, (char)0xBF};
            assert_int_equal(shortest_text(text), utf8_length((struct str){text, sizeof text}));
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
        cmocka_unit_test(agrees_with_str_is_text),
        cmocka_unit_test(positions_count_lines_and_characters),
    };
    return RUN_TESTS(tests);
}
