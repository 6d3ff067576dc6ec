// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "tests/support/test.h"
#include "vault/secrets/kv/kv_custom.h"

static int setup(void **state)
{
    *state = arena_new(4 * 1024 * 1024);
    return *state == NULL;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static struct status build(struct arena *arena, const char *given, const char *current, bool patch,
                           struct str *out)
{
    struct json_value v;
    TRY(json_parse(str_from_c(given), NULL, arena, &v, NULL));
    return kv_custom_build(v, patch, str_from_c(current), arena, out);
}

static void values_are_kept_as_strings(void **state)
{
    struct str out;
    assert_ok(
        build(*state, "{\"a\": \"x\", \"n\": 1.10, \"t\": true, \"f\": false}", "", false, &out));
    assert_str("{\"a\":\"x\",\"n\":\"1.10\",\"t\":\"1\",\"f\":\"0\"}", out);
}

static void nothing_is_stored_for_an_empty_object(void **state)
{
    struct str out;
    assert_ok(build(*state, "{}", "{\"a\":\"b\"}", false, &out));
    assert_str("", out);
}

static void a_patch_merges_into_what_is_there(void **state)
{
    struct str out;
    assert_ok(
        build(*state, "{\"b\": null, \"c\": \"3\"}", "{\"a\":\"1\",\"b\":\"2\"}", true, &out));
    assert_str("{\"a\":\"1\",\"c\":\"3\"}", out);
    assert_ok(build(*state, "{\"c\": \"3\"}", "", true, &out));
    assert_str("{\"c\":\"3\"}", out);
    assert_ok(build(*state, "{\"c\": null}", "{\"c\":\"3\"}", true, &out));
    assert_str("", out);
}

static void what_is_no_string_is_refused(void **state)
{
    struct str out;
    static const char *const wrong[] = {"[]",
                                        "\"x\"",
                                        "{\"a\": null}",
                                        "{\"a\": []}",
                                        "{\"a\": {}}",
                                        "{\"\": \"x\"}",
                                        "{\"a\": \"\"}",
                                        "{\"a\": \"\\u0007\"}",
                                        "{\"a\\n\": \"x\"}",
                                        "{\"a\": \"\\u0085\"}"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_status(INVALID, build(*state, wrong[i], "", false, &out));
    }
}

static void a_patch_may_not_pass_the_number_of_keys(void **state)
{
    char current[64 * 16];
    size_t len = 0;
    for (int i = 0; i < LIMIT_METADATA_ENTRIES; i++) {
        len += (size_t)snprintf(current + len, sizeof current - len, "%c\"k%d\":\"v\"",
                                i == 0 ? '{' : ',', i);
    }
    snprintf(current + len, sizeof current - len, "}");
    struct str out;
    assert_ok(build(*state, "{\"k0\": \"w\"}", current, true, &out));
    assert_status(INVALID, build(*state, "{\"one\": \"more\"}", current, true, &out));
}

static void control_characters_are_found_in_any_encoding(void **state)
{
    (void)state;
    assert_true(kv_text_printable(STR("plain, \xc3\xa9 and \xe2\x82\xac")));
    assert_true(kv_text_printable(STR("\xc2\xa0")));
    assert_false(kv_text_printable(STR("a\x1f")));
    assert_false(kv_text_printable(STR("a\x7f")));
    assert_false(kv_text_printable(STR("\xc2\x85")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_kept_as_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_stored_for_an_empty_object, setup, teardown),
        cmocka_unit_test_setup_teardown(a_patch_merges_into_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_string_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_patch_may_not_pass_the_number_of_keys, setup, teardown),
        cmocka_unit_test(control_characters_are_found_in_any_encoding),
    };
    return RUN_TESTS(tests);
}
