// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/cli/cli_fixture.h"

static const struct http_answer written[] = {{204, NULL, NULL}};

static void write_values(struct cli_fixture *f, const char *operands)
{
    char line[512];
    snprintf(line, sizeof line, "write some/path %s", operands);
    cli_fixture_run_with(f, line, written, 1);
}

static void pairs_become_strings(void **state)
{
    struct cli_fixture *f = *state;
    write_values(f, "a=1 b=x=y c=");
    assert_int_equal(0, f->exit_code);
    assert_string_equal("{\"a\":\"1\",\"b\":\"x=y\",\"c\":\"\"}", http_fixture_body(&f->server, 0));
}

static void a_value_comes_from_a_file_exactly(void **state)
{
    struct cli_fixture *f = *state;
    char operand[160];
    snprintf(operand, sizeof operand, "pw=@%s", cli_fixture_file(f, "pw", "line \"one\"\n"));
    write_values(f, operand);
    assert_string_equal("{\"pw\":\"line \\\"one\\\"\\n\"}", http_fixture_body(&f->server, 0));
}

static void a_value_comes_from_standard_input(void **state)
{
    struct cli_fixture *f = *state;
    f->input = "from-a-pipe";
    write_values(f, "user=ada pw=-");
    assert_string_equal("{\"user\":\"ada\",\"pw\":\"from-a-pipe\"}",
                        http_fixture_body(&f->server, 0));
}

static void a_backslash_keeps_the_at_sign(void **state)
{
    struct cli_fixture *f = *state;
    write_values(f, "handle=\\@ada");
    assert_string_equal("{\"handle\":\"@ada\"}", http_fixture_body(&f->server, 0));
}

static void a_document_joins_the_pairs_unchanged(void **state)
{
    struct cli_fixture *f = *state;
    f->input = " { \"n\" : 1.50, \"list\" : [1, null] } ";
    write_values(f, "- a=b");
    assert_string_equal("{\"n\":1.50,\"list\":[1, null],\"a\":\"b\"}",
                        http_fixture_body(&f->server, 0));
}

static void a_document_comes_from_a_file(void **state)
{
    struct cli_fixture *f = *state;
    char operand[160];
    snprintf(operand, sizeof operand, "@%s", cli_fixture_file(f, "doc", "{\"a\":true}"));
    write_values(f, operand);
    assert_string_equal("{\"a\":true}", http_fixture_body(&f->server, 0));
}

static void refuse(struct cli_fixture *f, const char *operands, const char *expected)
{
    char line[512];
    snprintf(line, sizeof line, "write some/path %s", operands);
    cli_fixture_run(f, line);
    assert_int_equal(1, f->exit_code);
    assert_contains(f->err, expected);
}

static void malformed_operands_are_refused_without_repeating_them(void **state)
{
    struct cli_fixture *f = *state;
    refuse(f, "hunter2", "expected key=value");
    assert_lacks(f->err, "hunter2");
    refuse(f, "a=1 a=2", "the values don't make a valid request");
    refuse(f, "a=- b=-", "standard input can be used only once");
    refuse(f, "a=@/nonexistent/file", "can't open /nonexistent/file");
}

static void a_wrong_document_is_located_without_showing_it(void **state)
{
    struct cli_fixture *f = *state;
    f->input = "{\"pw\": hunter2}";
    refuse(f, "-", "-:1:8");
    assert_lacks(f->err, "hunter2");
    f->input = "[1]";
    refuse(f, "-", "expected a JSON object");
}

static void bytes_that_are_not_text_are_refused(void **state)
{
    struct cli_fixture *f = *state;
    f->input = "\xFF\xFE";
    refuse(f, "key=-", "the value of \"key\" isn't UTF-8 text");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, cli_fixture_setup, cli_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pairs_become_strings),
        TEST(a_value_comes_from_a_file_exactly),
        TEST(a_value_comes_from_standard_input),
        TEST(a_backslash_keeps_the_at_sign),
        TEST(a_document_joins_the_pairs_unchanged),
        TEST(a_document_comes_from_a_file),
        TEST(malformed_operands_are_refused_without_repeating_them),
        TEST(a_wrong_document_is_located_without_showing_it),
        TEST(bytes_that_are_not_text_are_refused),
    };
    return cmocka_run_group_tests(tests, cli_fixture_group, NULL);
}
