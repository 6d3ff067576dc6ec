// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/cli/cli_fixture.h"

static void read_stored(const struct cli_fixture *f, char *into, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/token", f->folder);
    FILE *file = fopen(path, "re");
    into[0] = '\0';
    if (file != NULL) {
        size_t n = fread(into, 1, size - 1, file);
        into[n] = '\0';
        fclose(file);
    }
}

static void login_checks_the_token_and_keeps_it(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer known = {200, "{\"data\":{\"policies\":[\"dev\"]}}", NULL};
    char stored[64];
    unsetenv("ROTUNDA_TOKEN");
    f->input = "s.fresh\n";
    cli_fixture_run_with(f, "login", &known, 1);
    assert_int_equal(0, f->exit_code);
    assert_string_equal("GET /v1/auth/token/lookup-self", http_fixture_line(&f->server, 0));
    assert_true(http_fixture_has_header(&f->server, 0, "X-Vault-Token: s.fresh"));
    read_stored(f, stored, sizeof stored);
    assert_string_equal("s.fresh\n", stored);
    assert_lacks(f->out, "s.fresh");
    cli_fixture_run_with(f, "read a", &known, 1);
    assert_true(http_fixture_has_header(&f->server, 0, "X-Vault-Token: s.fresh"));
}

static void a_token_that_the_server_refuses_is_not_kept(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer denied = {403, "{\"errors\":[\"permission denied\"]}", NULL};
    char stored[64];
    f->input = "s.wrong\n";
    cli_fixture_run_with(f, "login", &denied, 1);
    assert_int_equal(2, f->exit_code);
    assert_lacks(f->err, "s.wrong");
    read_stored(f, stored, sizeof stored);
    assert_string_equal("", stored);
}

static void a_token_as_argument_is_refused(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "login s.secret");
    assert_int_equal(1, f->exit_code);
    assert_contains(f->err, "never given as an argument");
    assert_lacks(f->err, "s.secret");
}

static void userpass_sends_the_typed_password_and_keeps_the_token(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer token = {
        200, "{\"request_id\":\"r\",\"auth\":{\"client_token\":\"s.user\",\"policies\":[\"a\"]}}",
        NULL};
    char stored[64];
    f->input = "pass word\n";
    cli_fixture_run_with(f, "login -method=userpass username=ada", &token, 1);
    assert_int_equal(0, f->exit_code);
    assert_string_equal("POST /v1/auth/userpass/login/ada", http_fixture_line(&f->server, 0));
    assert_string_equal("{\"password\":\"pass word\"}", http_fixture_body(&f->server, 0));
    read_stored(f, stored, sizeof stored);
    assert_string_equal("s.user\n", stored);
    assert_lacks(f->out, "s.user");
}

static void a_method_at_another_mount_gets_its_fields(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer token = {200, "{\"auth\":{\"client_token\":\"s.role\"}}", NULL};
    f->input = "secret-id";
    cli_fixture_run_with(
        f, "login -method=approle -path=ci -no-store -field=token role_id=r secret_id=-", &token,
        1);
    assert_int_equal(0, f->exit_code);
    assert_string_equal("POST /v1/auth/ci/login", http_fixture_line(&f->server, 0));
    assert_string_equal("{\"role_id\":\"r\",\"secret_id\":\"secret-id\"}",
                        http_fixture_body(&f->server, 0));
    assert_string_equal("s.role", f->out);
    char stored[64];
    read_stored(f, stored, sizeof stored);
    assert_string_equal("", stored);
}

static void unseal_takes_the_key_from_the_pipe_and_never_from_an_argument(void **state)
{
    struct cli_fixture *f = *state;
    struct http_answer progress = {200, "{\"sealed\":true,\"progress\":1}", NULL};
    f->input = "c2hhcmU=\nnext line";
    cli_fixture_run_with(f, "unseal", &progress, 1);
    assert_int_equal(0, f->exit_code);
    assert_string_equal("{\"key\":\"c2hhcmU=\"}", http_fixture_body(&f->server, 0));
    cli_fixture_run(f, "unseal c2hhcmU=");
    assert_int_equal(1, f->exit_code);
    assert_lacks(f->err, "c2hhcmU=");
}

static void logout_removes_the_token(void **state)
{
    struct cli_fixture *f = *state;
    char stored[64];
    cli_fixture_file(f, "token", "s.old\n");
    cli_fixture_run(f, "logout");
    assert_int_equal(0, f->exit_code);
    read_stored(f, stored, sizeof stored);
    assert_string_equal("", stored);
    cli_fixture_run(f, "logout");
    assert_int_equal(0, f->exit_code);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, cli_fixture_setup, cli_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(login_checks_the_token_and_keeps_it),
        TEST(a_token_that_the_server_refuses_is_not_kept),
        TEST(a_token_as_argument_is_refused),
        TEST(userpass_sends_the_typed_password_and_keeps_the_token),
        TEST(a_method_at_another_mount_gets_its_fields),
        TEST(unseal_takes_the_key_from_the_pipe_and_never_from_an_argument),
        TEST(logout_removes_the_token),
    };
    return cmocka_run_group_tests(tests, cli_fixture_group, NULL);
}
