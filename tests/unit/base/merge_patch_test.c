// SPDX-License-Identifier: ISC
#include "vault/base/merge_patch.h"

#include "tests/support/test.h"

static struct arena *arena;
static struct buffer out;

static int open_all(void **state)
{
    (void)state;
    arena = arena_new(LIMIT_ARENA_BYTES);
    buffer_init(&out, 64 * 1024);
    return arena == NULL ? -1 : 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_free(arena);
    buffer_done(&out);
    return 0;
}

static struct status apply(const char *target, const char *patch)
{
    struct json_value t;
    struct json_value p;
    assert_ok(json_parse(str_from_c(target), NULL, arena, &t, NULL));
    assert_ok(json_parse(str_from_c(patch), NULL, arena, &p, NULL));
    buffer_clear(&out);
    return merge_patch_apply(t, p, arena, &out);
}

// RFC 7386 appendix A, all of it.
static void follows_the_examples_of_rfc_7386(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(apply(cases[i][0], cases[i][1]));
        assert_str(cases[i][2], buffer_str(&out));
    }
}

static void keeps_numbers_and_escapes_as_sent(void **state)
{
    (void)state;
    assert_ok(apply("{\"n\":1.10,\"d\":{\"s\":\"\\u00e9\",\"x\":0}}",
                    "{\"d\":{\"x\":12345678901234567890123}}"));
    assert_str("{\"n\":1.10,\"d\":{\"s\":\"\\u00e9\",\"x\":12345678901234567890123}}",
               buffer_str(&out));
}

static void finds_keys_that_were_escaped_differently(void **state)
{
    (void)state;
    assert_ok(apply("{\"\\u0061b\":1,\"q\\\"\":2}", "{\"ab\":3,\"q\\u0022\":null}"));
    assert_str("{\"ab\":3}", buffer_str(&out));
}

static void an_absent_target_is_an_empty_one(void **state)
{
    (void)state;
    struct json_value patch;
    assert_ok(json_parse(STR("{\"a\":1,\"b\":null}"), NULL, arena, &patch, NULL));
    assert_ok(merge_patch_apply((struct json_value){NULL, 0}, patch, arena, &out));
    assert_str("{\"a\":1}", buffer_str(&out));
}

static void nest(char *text, unsigned depth)
{
    size_t at = 0;
    for (unsigned i = 0; i < depth; i++) {
        memcpy(text + at, "{\"a\":", 5);
        at += 5;
    }
    text[at++] = '1';
    memset(text + at, '}', depth);
    text[at + depth] = '\0';
}

static void patches_deeper_than_32_are_refused(void **state)
{
    (void)state;
    char deep[1024];
    nest(deep, MERGE_PATCH_DEPTH);
    assert_ok(apply("{}", deep));
    nest(deep, MERGE_PATCH_DEPTH + 1);
    assert_status(INVALID, apply("{}", deep));
    assert_ok(apply(deep, "{\"b\":2}"));
}

static void results_longer_than_the_buffer_are_refused(void **state)
{
    (void)state;
    buffer_done(&out);
    buffer_init(&out, 10);
    assert_status(TOO_LARGE, apply("{\"a\":\"0123456789\"}", "{\"b\":2}"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)
    const struct CMUnitTest tests[] = {
        TEST(follows_the_examples_of_rfc_7386),
        TEST(keeps_numbers_and_escapes_as_sent),
        TEST(finds_keys_that_were_escaped_differently),
        TEST(an_absent_target_is_an_empty_one),
        TEST(patches_deeper_than_32_are_refused),
        TEST(results_longer_than_the_buffer_are_refused),
    };
    return RUN_TESTS(tests);
}
