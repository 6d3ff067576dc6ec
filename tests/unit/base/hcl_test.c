// SPDX-License-Identifier: ISC
#include "vault/base/hcl.h"

#include "vault/base/buffer.h"
#include "vault/base/limits.h"

#include "tests/support/test.h"

static struct arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = arena_new(LIMIT_ARENA_BYTES);
    return arena == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct hcl_node *parsed(const char *text)
{
    const struct hcl_node *root = NULL;
    struct text_error error;
    struct status s = hcl_parse(str_from_c(text), arena, &root, &error);
    if (!status_ok(s)) {
        fail_msg("%u:%u: %s", error.line, error.column, s.what);
    }
    return root;
}

static void assert_refused(const char *text, uint32_t line, uint32_t column)
{
    const struct hcl_node *root = NULL;
    struct text_error error;
    assert_status(INVALID, hcl_parse(str_from_c(text), arena, &root, &error));
    if (error.line != line || error.column != column) {
        fail_msg("%s: at %u:%u", text, error.line, error.column);
    }
}

static void reads_attributes_of_every_kind(void **state)
{
    (void)state;
    const struct hcl_node *root =
        parsed("s = \"a\\n\\\"\\\\\\u00e9\\U0001F511\"\nn = -12\nf=1.5e3 b = true\n"
               "l = [1, \"two\", [3],]\no = { x = 1, \"y z\" = 2 w = 3 }\n");
    struct str s;
    int64_t n;
    bool b = false;
    assert_ok(hcl_as_str(hcl_get(root, "s"), &s));
    assert_str("a\n\"\\\xC3\xA9\xF0\x9F\x94\x91", s);
    assert_ok(hcl_as_int(hcl_get(root, "n"), &n));
    assert_int_equal(-12, n);
    assert_str("1.5e3", hcl_get(root, "f")->text);
    assert_ok(hcl_as_bool(hcl_get(root, "b"), &b));
    assert_true(b);
    assert_str("two", hcl_get(root, "l")->first->next->text);
    assert_int_equal(HCL_LIST, hcl_get(root, "l")->first->next->next->kind);
    assert_ok(hcl_as_int(hcl_get(hcl_get(root, "o"), "y z"), &n));
    assert_int_equal(2, n);
    assert_null(hcl_get(root, "absent"));
}

static void comments_are_blanks(void **state)
{
    (void)state;
    const struct hcl_node *root = parsed("# one\n// two\n/* three\n * / */ a /*x*/ = /**/ 1 # end");
    assert_str("1", hcl_get(root, "a")->text);
    assert_int_equal(4, hcl_get(root, "a")->line);
    assert_int_equal(9, hcl_get(root, "a")->column);
    assert_refused("a = 1\n/* never", 2, 1);
    assert_refused("/*/", 1, 1);
}

static void heredocs_keep_or_drop_their_indentation(void **state)
{
    (void)state;
    const struct hcl_node *root = parsed("a = <<EOF\n  x \"y\"\n\n z\n  EOF\nb = <<-E1\n    x\n"
                                         "      y\n\n    E1\nc = <<EOF\nEOF\n");
    assert_str("  x \"y\"\n\n z\n", hcl_get(root, "a")->text);
    assert_str("x\n  y\n\n", hcl_get(root, "b")->text);
    assert_str("", hcl_get(root, "c")->text);
    assert_refused("a = <<EOF\nx\n", 2, 1);
    assert_refused("a = <<\nx\n", 1, 5);
}

static void errors_say_where(void **state)
{
    (void)state;
    assert_refused("a = 1\nb = oops\n", 2, 5);
    assert_refused("a = \"x\ny\"", 1, 7);
    assert_refused("a = \"\\q\"", 1, 7);
    assert_refused("a = \"\\u0000\"", 1, 12);
    assert_refused("a = 01", 1, 6);
    assert_refused("a = 1x", 1, 6);
    assert_refused("a = -", 1, 6);
    assert_refused("a", 1, 2);
    assert_refused("a {", 1, 4);
    assert_refused("a }", 1, 3);
    assert_refused("a = [1 2]", 1, 8);
    assert_refused("= 1", 1, 1);
    assert_refused("a = 1, b = 2", 1, 6);
    assert_refused("a = \xFF", 1, 1);
    assert_refused("{\"a\":\n null}", 2, 2);
    assert_refused("{\"a\": 1\n \"b\": 2}", 2, 2);
}

static void attributes_given_twice_are_refused(void **state)
{
    (void)state;
    assert_refused("a = 1\nb = 2\n a = 3", 3, 2);
    assert_refused("a { x = 1 }\na = 3", 2, 1);
    assert_refused("o { x = 1\n  x = 2 }", 2, 3);
    assert_refused("{\"a\":1,\n\"a\":2}", 2, 1);
    parsed("a { x = 1 }\na { x = 1 }");
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char deep[256] = "a = ";
    memset(deep + 4, '[', LIMIT_HCL_DEPTH);
    memset(deep + 4 + LIMIT_HCL_DEPTH, ']', LIMIT_HCL_DEPTH);
    parsed(deep);
    memset(deep + 4, '[', LIMIT_HCL_DEPTH + 1);
    assert_refused(deep, 1, 5 + LIMIT_HCL_DEPTH);
    assert_refused("a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a {}", 1, 67);
}

static void assert_blocks(const char *text, const char *want)
{
    struct buffer got;
    buffer_init(&got, 1024);
    struct hcl_blocks it = hcl_blocks(parsed(text), "listener");
    while (hcl_next_block(&it)) {
        const struct hcl_node *x = hcl_get(it.body, "x");
        assert_non_null(x);
        buffer_append_str(&got, it.label);
        buffer_append_byte(&got, '=');
        buffer_append_str(&got, x->text);
        buffer_append_byte(&got, ' ');
    }
    assert_null(it.wrong);
    assert_str(want, buffer_str(&got));
    buffer_done(&got);
}

static void blocks_are_the_same_however_they_are_spelled(void **state)
{
    (void)state;
    const char *want = "tcp=1 unix=2 ";
    assert_blocks("listener \"tcp\" { x = 1 }\nother {}\nlistener unix { x = 2 }", want);
    assert_blocks("listener { tcp { x = 1 }\n \"unix\" { x = 2 } }", want);
    assert_blocks("listener = { tcp = { x = 1 }, unix = { x = 2 } }", want);
    assert_blocks("{\"listener\": {\"tcp\": {\"x\": 1}, \"unix\": {\"x\": 2}}, \"o\": 1}", want);
    assert_blocks("{\"listener\": [{\"tcp\": {\"x\": 1}}, {}, {\"unix\": {\"x\": 2}}]}", want);
    assert_blocks("a = 1", "");
    assert_blocks("{\"listener\": []}", "");
}

static void blocks_that_are_none_are_pointed_out(void **state)
{
    (void)state;
    struct hcl_blocks it = hcl_blocks(parsed("a = 1\nlistener = 7"), "listener");
    assert_false(hcl_next_block(&it));
    assert_non_null(it.wrong);
    assert_int_equal(2, hcl_error_at(it.wrong).line);
    it = hcl_blocks(parsed("{\"listener\": [\n\"tcp\"]}"), "listener");
    assert_false(hcl_next_block(&it));
    assert_str("\"tcp\"", hcl_error_at(it.wrong).word);
}

static void numbers_booleans_and_durations_may_be_quoted(void **state)
{
    (void)state;
    const struct hcl_node *root = parsed("n = \"5\" b = \"false\" d = \"1h\" e = 90 w = [1]");
    int64_t n;
    bool b = true;
    assert_ok(hcl_as_int(hcl_get(root, "n"), &n));
    assert_int_equal(5, n);
    assert_ok(hcl_as_bool(hcl_get(root, "b"), &b));
    assert_false(b);
    assert_ok(hcl_as_duration_s(hcl_get(root, "d"), &n));
    assert_int_equal(3600, n);
    assert_ok(hcl_as_duration_s(hcl_get(root, "e"), &n));
    assert_int_equal(90, n);
    assert_status(INVALID, hcl_as_int(hcl_get(root, "w"), &n));
    assert_status(INVALID, hcl_as_int(NULL, &n));
    assert_status(INVALID, hcl_as_bool(hcl_get(root, "e"), &b));
}

// The arena's limit stands in for the machine's: every allocation fails once.
static void running_out_of_memory_is_reported_wherever_it_happens(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "a \"b\" { l = [1, {x = \"\\u0041\"}] h = <<-E\n  x\n  E\n }",
        "{\"a\": {\"b\": [1, \"\\u0041\", true]}}",
    };
    for (size_t max = 0; max < 8192; max += 16) {
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            CLEANUP(arena_cleanup) struct arena *small = arena_new(max);
            const struct hcl_node *root;
            struct text_error error;
            struct status s = hcl_parse(str_from_c(texts[i]), small, &root, &error);
            assert_true(s.code == STATUS_OK || s.code == STATUS_NOMEM);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(reads_attributes_of_every_kind),
        TEST(comments_are_blanks),
        TEST(heredocs_keep_or_drop_their_indentation),
        TEST(errors_say_where),
        TEST(attributes_given_twice_are_refused),
        TEST(nesting_is_bounded),
        TEST(blocks_are_the_same_however_they_are_spelled),
        TEST(blocks_that_are_none_are_pointed_out),
        TEST(numbers_booleans_and_durations_may_be_quoted),
        TEST(running_out_of_memory_is_reported_wherever_it_happens),
    };
    return RUN_TESTS(tests);
}
