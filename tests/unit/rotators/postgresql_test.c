// SPDX-License-Identifier: ISC
// Changing and probing passwords at a real server.
#include "rotators/postgresql/postgresql.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/rotators/postgresql_fixture.h"

static enum rotunda_error error;

static void an_applied_password_works_and_the_old_one_does_not(void **state)
{
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", NEW_PASSWORD, &error));
    assert_int_equal(ROTUNDA_PROBE_REJECTED, do_probe(*state, "app", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_ERROR_NONE, error);
}

static void applying_again_stores_the_same_bytes(void **state)
{
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    const char *stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'";
    char first[512];
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    snprintf(first, sizeof first, "%s", server_value(*state, stored));
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_string_equal(first, server_value(*state, stored));
    assert_non_null(strstr(first, "SCRAM-SHA-256$4096:"));
}

static void a_late_attempt_changes_nothing(void **state)
{
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    call.fence = 18;
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    struct rotunda_call late = server_call(*state, "app", "late-value");
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&late, &error));
    assert_int_equal(ROTUNDA_ERROR_FENCED, error);
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", NEW_PASSWORD, &error));
}

// The newer attempt holds the role while the older one, paused until now, arrives and waits.
static void an_attempt_that_waited_sees_the_newer_fence(void **state)
{
    const char *waiting =
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    struct rotunda_call late = server_call(*state, "app", "late-value");
    server_do(*state, "BEGIN; SELECT pg_advisory_xact_lock(1381323860, hashtext('app'));"
                      "COMMENT ON ROLE app IS 'billing [rotunda fence 18]'");
    pid_t node = fork();
    if (node == 0) {
        enum rotunda_apply result = do_apply(&late, &error);
        _exit(result == ROTUNDA_APPLY_NOT_APPLIED && error == ROTUNDA_ERROR_FENCED ? 0 : 1);
    }
    for (int i = 0; i < 500 && strcmp(server_value(*state, waiting), "1") != 0; i++) {
        usleep(10000);
    }
    server_do(*state, "COMMIT");
    int end = 0;
    assert_int_equal(node, waitpid(node, &end, 0));
    assert_true(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
}

static void the_comment_keeps_its_own_text(void **state)
{
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    const char *comment = "SELECT shobj_description('app'::regrole, 'pg_authid')";
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_string_equal("billing [rotunda fence 17]", server_value(*state, comment));
    call.fence = 20;
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_string_equal("billing [rotunda fence 20]", server_value(*state, comment));
}

static void a_role_with_quotes_in_its_name_is_one_role(void **state)
{
    const char *name = "a\"b; drop role app; --'";
    server_do(*state, "CREATE ROLE \"a\"\"b; drop role app; --'\" LOGIN;"
                      "GRANT \"a\"\"b; drop role app; --'\" TO rotator WITH ADMIN OPTION");
    struct rotunda_call call = server_call(*state, name, NEW_PASSWORD);
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, name, NEW_PASSWORD, &error));
    assert_string_equal("1", server_value(*state, "SELECT 1 FROM pg_roles WHERE rolname = 'app'"));
}

static void a_password_with_quotes_works(void **state)
{
    const char *password = "it's \\ a \"$1\" %s; --";
    struct rotunda_call call = server_call(*state, "app", password);
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", password, &error));
}

static void no_password_reaches_the_servers_log(void **state)
{
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    call.fence = 3; // refused, so that the statement is logged as an error
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    do_probe(*state, "app", NEW_PASSWORD, &error);
    assert_true(server_log_contains("rotunda.fence"));
    assert_false(server_log_contains(NEW_PASSWORD));
    assert_false(server_log_contains(OLD_PASSWORD));
    assert_false(server_log_contains(ROTATOR_PASSWORD));
}

static void not_even_the_verifier_reaches_the_servers_log(void **state)
{
    struct rotunda_call call = server_call(*state, "app", "quietly-changed");
    call.value.salt = octets_of("salt-of-a-quiet-one");
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    server_do(*state, "ALTER ROLE rotator NOCREATEROLE");
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_true(server_log_contains("the password was refused"));
    assert_false(server_log_contains("c2FsdC1vZi1hLXF1aWV0LW9uZQ==")); // that salt in base64
}

static void a_role_that_does_not_exist_is_invalid(void **state)
{
    struct rotunda_call call = server_call(*state, "nobody_here", NEW_PASSWORD);
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_INVALID, error);
    assert_int_equal(ROTUNDA_PROBE_REJECTED, do_probe(*state, "nobody_here", NEW_PASSWORD, &error));
    assert_int_equal(ROTUNDA_ERROR_INVALID, error);
}

static void a_rotator_without_the_right_is_not_permitted(void **state)
{
    server_do(*state, "ALTER ROLE rotator NOCREATEROLE");
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_NOT_PERMITTED, error);
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
}

static void a_refused_rotator_is_not_permitted(void **state)
{
    server_do(*state, "ALTER ROLE rotator PASSWORD 'changed'");
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_NOT_PERMITTED, error);
    // A password that works still does; one that doesn't can't be told from an expired role.
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_PROBE_UNREACHABLE, do_probe(*state, "app", NEW_PASSWORD, &error));
}

static void the_rotators_own_role_needs_a_word(void **state)
{
    struct rotunda_call call = server_call(*state, "rotator", NEW_PASSWORD);
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_INVALID, error);
    const struct rotunda_setting word = {text_of("self_rotation"), text_of("true")};
    call.account.settings = &word;
    call.account.setting_count = 1;
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    call.target.secret = octets_of(NEW_PASSWORD);
    call.fence = 16; // late: refused by what was kept in its own settings
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_FENCED, error);
    call.fence = 18;
    call.value.secret = octets_of(ROTATOR_PASSWORD);
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_string_equal("{\"application_name=[rotunda fence 18]\"}",
                        server_value(*state, "SELECT rolconfig::text FROM pg_roles"
                                             " WHERE rolname = 'rotator'"));
}

static void a_time_limit_is_set_at_the_server(void **state)
{
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    const char *until = "SELECT coalesce(rolvaliduntil::text, 'none') FROM pg_roles"
                        " WHERE rolname = 'app'";
    call.value.valid_until_us = 4102444800LL * 1000000; // 2100-01-01
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_string_equal("none", server_value(*state, until)); // only where it is asked for
    struct rotunda_setting follow = {text_of("valid_until"), text_of("expiry")};
    call.account.settings = &follow;
    call.account.setting_count = 1;
    server_do(*state, "SET timezone = 'UTC'");
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_string_equal("2100-01-01 00:00:00+00", server_value(*state, until));
    call.value.valid_until_us = 0;
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_string_equal("infinity", server_value(*state, until));
    follow.value = text_of("sometimes");
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_INVALID, error);
}

static void a_revoked_role_refuses_until_it_is_applied_again(void **state)
{
    struct rotunda_call call = server_call(*state, "app", OLD_PASSWORD);
    struct rotunda_reply reply = {.error = ROTUNDA_ERROR_NONE};
    assert_int_equal(ROTUNDA_APPLY_APPLIED, rotunda_rotator_postgresql.revoke(&call, &reply));
    assert_int_equal(ROTUNDA_PROBE_REJECTED, do_probe(*state, "app", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
}

static void a_route_that_trusts_everybody_proves_nothing(void **state)
{
    server_do(*state, "CREATE ROLE trusting LOGIN PASSWORD '" OLD_PASSWORD "'");
    assert_int_equal(ROTUNDA_PROBE_UNREACHABLE, do_probe(*state, "trusting", "whatever", &error));
    assert_int_equal(ROTUNDA_ERROR_UNTRUSTED, error);
}

static void a_server_that_wants_clear_text_is_told_nothing(void **state)
{
    server_do(*state, "CREATE ROLE cleartext LOGIN PASSWORD '" OLD_PASSWORD "'");
    assert_int_equal(ROTUNDA_PROBE_UNREACHABLE,
                     do_probe(*state, "cleartext", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_ERROR_UNTRUSTED, error);
}

static void an_expired_role_is_not_a_wrong_password(void **state)
{
    server_do(*state, "ALTER ROLE app VALID UNTIL '2020-01-01'");
    assert_int_equal(ROTUNDA_PROBE_UNREACHABLE, do_probe(*state, "app", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_ERROR_NOT_PERMITTED, error);
}

static void a_full_role_or_a_closed_database_accepts_the_password(void **state)
{
    server_do(*state, "ALTER ROLE app CONNECTION LIMIT 0");
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_PROBE_REJECTED, do_probe(*state, "app", NEW_PASSWORD, &error));
    server_do(*state, "ALTER ROLE app CONNECTION LIMIT -1;"
                      "REVOKE CONNECT ON DATABASE rotunda FROM public;"
                      "GRANT CONNECT ON DATABASE rotunda TO rotator");
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_PROBE_REJECTED, do_probe(*state, "app", NEW_PASSWORD, &error));
    server_do(*state, "GRANT CONNECT ON DATABASE rotunda TO public");
}

static void a_closed_port_is_unreachable(void **state)
{
    server_set(*state, "port", "1");
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_UNREACHABLE, error);
    assert_int_equal(ROTUNDA_PROBE_UNREACHABLE, do_probe(*state, "app", OLD_PASSWORD, &error));
}

static void a_server_with_another_certificate_is_unreachable(void **state)
{
    server_set(*state, "ca_file", "/etc/ssl/certs/ca-certificates.crt");
    assert_int_equal(ROTUNDA_PROBE_UNREACHABLE, do_probe(*state, "app", OLD_PASSWORD, &error));
    assert_int_equal(ROTUNDA_ERROR_UNREACHABLE, error);
}

static void a_socket_of_somebody_else_is_not_trusted(void **state)
{
    server_set(*state, "host", getenv("ROTUNDA_TEST_PG_DIR"));
    server_set(*state, "socket_owner", server_user());
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
    server_set(*state, "socket_owner", "root");
    assert_int_equal(ROTUNDA_PROBE_UNREACHABLE, do_probe(*state, "app", OLD_PASSWORD, &error));
}

static void a_hanging_server_is_given_up_in_time(void **state)
{
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    call.timeout_ms = 1600;
    server_do(*state, "BEGIN; ALTER ROLE app CONNECTION LIMIT 5"); // holds the role's row
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_UNREACHABLE, error);
    server_do(*state, "ROLLBACK");
    assert_int_equal(ROTUNDA_PROBE_WORKS, do_probe(*state, "app", OLD_PASSWORD, &error));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_applied_password_works_and_the_old_one_does_not),
        TEST(applying_again_stores_the_same_bytes),
        TEST(a_late_attempt_changes_nothing),
        TEST(an_attempt_that_waited_sees_the_newer_fence),
        TEST(the_comment_keeps_its_own_text),
        TEST(a_role_with_quotes_in_its_name_is_one_role),
        TEST(a_password_with_quotes_works),
        TEST(no_password_reaches_the_servers_log),
        TEST(not_even_the_verifier_reaches_the_servers_log),
        TEST(a_role_that_does_not_exist_is_invalid),
        TEST(a_rotator_without_the_right_is_not_permitted),
        TEST(a_refused_rotator_is_not_permitted),
        TEST(the_rotators_own_role_needs_a_word),
        TEST(a_time_limit_is_set_at_the_server),
        TEST(a_revoked_role_refuses_until_it_is_applied_again),
        TEST(a_route_that_trusts_everybody_proves_nothing),
        TEST(a_server_that_wants_clear_text_is_told_nothing),
        TEST(an_expired_role_is_not_a_wrong_password),
        TEST(a_full_role_or_a_closed_database_accepts_the_password),
        TEST(a_closed_port_is_unreachable),
        TEST(a_server_with_another_certificate_is_unreachable),
        TEST(a_socket_of_somebody_else_is_not_trusted),
        TEST(a_hanging_server_is_given_up_in_time),
    };
    return RUN_TESTS(tests);
}
