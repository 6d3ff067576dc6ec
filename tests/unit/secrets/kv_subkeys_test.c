// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/secrets/kv/kv_subkeys.h"

enum { TEXT_BYTES = 64 * 1024 };

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

static void check(struct arena *arena, struct str given, int64_t depth, const char *expected)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, TEXT_BYTES);
    struct json_writer w = json_writer_on(&text);
    struct json_value document;
    assert_ok(json_parse(given, NULL, arena, &document, NULL));
    assert_ok(kv_subkeys_write(document, depth, arena, &w));
    assert_ok(json_writer_status(&w));
    assert_str(expected, buffer_str(&text));
}

static void every_leaf_becomes_null(void **state)
{
    check(*state,
          STR("{\"a\":\"s\",\"b\":{\"c\":[{\"x\":1}],\"d\":{}},\"e\":{\"f\":{\"g\":1}},\"h\":2}"),
          0, "{\"a\":null,\"b\":{\"c\":null,\"d\":null},\"e\":{\"f\":{\"g\":null}},\"h\":null}");
}

static void depth_cuts_objects_short(void **state)
{
    struct str given = STR("{\"a\":{\"b\":{\"c\":1}},\"z\":0}");
    check(*state, given, 1, "{\"a\":null,\"z\":null}");
    check(*state, given, 2, "{\"a\":{\"b\":null},\"z\":null}");
    check(*state, given, 3, "{\"a\":{\"b\":{\"c\":null}},\"z\":null}");
    check(*state, given, 9, "{\"a\":{\"b\":{\"c\":null}},\"z\":null}");
}

static void an_empty_document_has_no_subkeys(void **state)
{
    check(*state, STR("{}"), 0, "{}");
}

static void documents_of_the_greatest_depth_are_walked(void **state)
{
    struct buffer given CLEANUP(buffer_done);
    struct buffer expected CLEANUP(buffer_done);
    buffer_init(&given, TEXT_BYTES);
    buffer_init(&expected, TEXT_BYTES);
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
        buffer_append_c(&given, "{\"k\":");
        buffer_append_c(&expected, "{\"k\":");
    }
    buffer_append_c(&given, "1");
    buffer_append_c(&expected, "null");
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
        buffer_append_c(&given, "}");
        buffer_append_c(&expected, "}");
    }
    buffer_append_byte(&expected, 0);
    check(*state, buffer_str(&given), 0, (const char *)expected.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_leaf_becomes_null, setup, teardown),
        cmocka_unit_test_setup_teardown(depth_cuts_objects_short, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_document_has_no_subkeys, setup, teardown),
        cmocka_unit_test_setup_teardown(documents_of_the_greatest_depth_are_walked, setup,
                                        teardown),
    };
    return RUN_TESTS(tests);
}
