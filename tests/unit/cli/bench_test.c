// SPDX-License-Identifier: ISC
// What `rotunda bench` refuses before it loads anything; e2e/bench has the rest.
#include <stdio.h>

#include "tests/unit/cli/cli_fixture.h"

static void assert_refused(struct cli_fixture *f, const char *line, const char *reason)
{
    cli_fixture_run(f, line);
    assert_int_equal(1, f->exit_code);
    assert_contains(f->err, reason);
    assert_string_equal("", f->out);
}

static void refuses_another_machine_without_yes(void **state)
{
    struct cli_fixture *f = *state;
    static const char *const addresses[] = {
        "https://vault.example.com:8200", "https://127.example.com",
        "http://localhost.example.com",   "https://[::1f]:8200",
        "https://10.0.0.1:8200",
    };
    char line[128];
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        snprintf(line, sizeof line, "bench -address=%s", addresses[i]);
        assert_refused(f, line, "is another machine");
    }
}

static void this_machine_needs_no_yes(void **state)
{
    struct cli_fixture *f = *state;
    static const char *const addresses[] = {"http://127.0.0.1:1", "http://localhost:1",
                                            "http://[::1]:1", "unix:/nonexistent.sock"};
    char line[128];
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        snprintf(line, sizeof line, "bench -address=%s", addresses[i]);
        cli_fixture_run(f, line);
        assert_int_equal(2, f->exit_code);
        assert_contains(f->err, "can't reach the server");
    }
}

static void refuses_what_is_out_of_bounds(void **state)
{
    struct cli_fixture *f = *state;
    assert_refused(f, "bench -c=0", "-c is between 1 and 1000");
    assert_refused(f, "bench -c=1001", "-c is between 1 and 1000");
    assert_refused(f, "bench -n=1000001", "-n is between 1 and 1000000");
    assert_refused(f, "bench -d=61m", "-d is between 1s and 1h");
    assert_refused(f, "bench -d=0", "-d is between 1s and 1h");
    assert_refused(f, "bench -op=delete", "-op is read, write, mixed or token");
    assert_refused(f, "bench -mount=/", "-mount is the path of a kv engine");
}

static void explains_why_its_first_secret_was_refused(void **state)
{
    static const struct http_answer denied[] = {
        {403, "{\"errors\":[\"permission denied\"]}", NULL}};
    static const struct http_answer nothing[] = {{404, "{\"errors\":[]}", NULL}};
    static const struct http_answer other[] = {{200, "{\"data\":{}}", NULL}};
    struct cli_fixture *f = *state;
    cli_fixture_run_with(f, "bench", denied, 1);
    assert_int_equal(2, f->exit_code);
    assert_contains(f->err, "permission denied");
    cli_fixture_run_with(f, "bench -mount=nope", nothing, 1);
    assert_contains(f->err, "there is no engine at nope/");
    cli_fixture_run_with(f, "bench -mount=other", other, 1);
    assert_contains(f->err, "other/ isn't a kv engine of version 2");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, cli_fixture_setup, cli_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_another_machine_without_yes),
        TEST(this_machine_needs_no_yes),
        TEST(refuses_what_is_out_of_bounds),
        TEST(explains_why_its_first_secret_was_refused),
    };
    return cmocka_run_group_tests(tests, cli_fixture_group, NULL);
}
