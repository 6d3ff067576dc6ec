// SPDX-License-Identifier: ISC
// What an owner is told before anything is changed.
#include "rotators/postgresql/postgresql.h"

#include "tests/unit/rotators/postgresql_fixture.h"

static void run_check(const struct rotunda_call *call, struct collected *out)
{
    collected_init(out);
    enum rotunda_error error = rotunda_rotator_postgresql.check(call, &out->reply);
    assert_int_equal(ROTUNDA_ERROR_NONE, error);
}

static void a_good_target_misses_nothing(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "app", "");
    run_check(&call, &c);
    assert_string_equal("", c.missing);
    assert_true(c.checks >= 9);
}

static void a_missing_right_is_named_with_the_grant_that_gives_it(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "app", "");
    server_do(*state, "ALTER ROLE rotator NOCREATEROLE");
    run_check(&call, &c);
    assert_string_equal("may_create_role ", c.missing);
    server_do(*state, c.hints); // what it says can be run as it stands
    run_check(&call, &c);
    assert_string_equal("", c.missing);
}

static void a_superuser_is_out_of_reach_of_createrole(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "app", "");
    server_do(*state, "ALTER ROLE app SUPERUSER");
    run_check(&call, &c);
    assert_string_equal("role_within_reach ", c.missing);
}

static void a_missing_or_expired_role_is_named(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "new\"role", "");
    run_check(&call, &c);
    assert_string_equal("role_exists ", c.missing);
    server_do(*state, c.hints);
    server_do(*state, "ALTER ROLE \"new\"\"role\" VALID UNTIL '2020-01-01' NOLOGIN;"
                      "GRANT \"new\"\"role\" TO rotator WITH ADMIN OPTION");
    run_check(&call, &c);
    assert_string_equal("role_may_login role_not_expired ", c.missing);
}

static void the_rotators_own_role_is_named(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "rotator", "");
    run_check(&call, &c);
    assert_string_equal("separate_principal ", c.missing);
}

static void a_route_that_takes_any_password_is_named(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "trusting", "");
    server_do(*state, "CREATE ROLE trusting LOGIN; GRANT trusting TO rotator WITH ADMIN OPTION");
    run_check(&call, &c);
    assert_string_equal("wrong_password_refused ", c.missing);
}

static void the_admin_option_is_asked_for_since_16(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    server_do(*state, "REVOKE app FROM rotator");
    run_check(&call, &c);
    if (PQserverVersion(((struct server *)*state)->superuser) < 160000) {
        assert_string_equal("", c.missing);
        return;
    }
    assert_string_equal("admin_option ", c.missing);
    assert_string_equal("GRANT \"app\" TO \"rotator\" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE; ",
                        c.hints);
    enum rotunda_error error;
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_NOT_PERMITTED, error);
    server_do(*state, c.hints);
    run_check(&call, &c);
    assert_string_equal("", c.missing);
    assert_int_equal(ROTUNDA_APPLY_APPLIED, do_apply(&call, &error));
}

static void a_server_that_is_set_to_be_read_is_named(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    server_do(*state, "ALTER ROLE rotator SET default_transaction_read_only = on");
    run_check(&call, &c);
    assert_string_equal("writable ", c.missing);
    enum rotunda_error error;
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_UNREACHABLE, error);
}

static void a_role_of_the_servers_own_is_named(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "pg_monitor", NEW_PASSWORD);
    run_check(&call, &c);
    assert_non_null(strstr(c.missing, "role_not_reserved"));
    enum rotunda_error error;
    assert_int_equal(ROTUNDA_APPLY_NOT_APPLIED, do_apply(&call, &error));
    assert_int_equal(ROTUNDA_ERROR_INVALID, error);
}

static void a_pair_needs_its_owner_role(void **state)
{
    struct collected c;
    const struct rotunda_setting pair[] = {{text_of("pair_role"), text_of("app_b")},
                                           {text_of("owner_role"), text_of("Owner")}};
    struct rotunda_call call = server_call(*state, "app", "");
    call.account.settings = pair;
    call.account.setting_count = 2;
    run_check(&call, &c);
    assert_string_equal("pair_role_exists owner_role_exists pair_members_of_owner "
                        "pair_acts_as_owner ",
                        c.missing);
    server_do(*state, c.hints);
    run_check(&call, &c);
    assert_string_equal("", c.missing);
}

static void a_rotator_that_is_refused_learns_only_that(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "app", "");
    call.target.secret = octets_of("wrong");
    collected_init(&c);
    assert_int_equal(ROTUNDA_ERROR_NOT_PERMITTED,
                     rotunda_rotator_postgresql.check(&call, &c.reply));
    assert_string_equal("rotator_may_login ", c.missing);
    assert_null(strstr(c.reply.message, "wrong"));
}

static void sessions_of_the_role_are_counted(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "app", "");
    collected_init(&c);
    assert_int_equal(ROTUNDA_ERROR_NONE, rotunda_rotator_postgresql.sessions(&call, &c.reply));
    assert_int_equal(0, c.reply.sessions);
    const char *keys[] = {"host", "port", "dbname", "user", "password", NULL};
    const char *values[] = {"127.0.0.1",  ((struct server *)*state)->settings[1].value.ptr,
                            "rotunda",    "app",
                            OLD_PASSWORD, NULL};
    PGconn *session = PQconnectdbParams(keys, values, 0);
    assert_int_equal(CONNECTION_OK, PQstatus(session));
    assert_int_equal(ROTUNDA_ERROR_NONE, rotunda_rotator_postgresql.sessions(&call, &c.reply));
    assert_int_equal(1, c.reply.sessions);
    PQfinish(session);
}

static void a_plan_shows_steps_and_no_value(void **state)
{
    struct collected c;
    struct rotunda_call call = server_call(*state, "app", NEW_PASSWORD);
    collected_init(&c);
    assert_int_equal(ROTUNDA_ERROR_NONE, rotunda_rotator_postgresql.plan(&call, &c.reply));
    assert_non_null(strstr(c.steps, "ALTER ROLE \"app\" PASSWORD '<verifier>'"));
    assert_null(strstr(c.steps, NEW_PASSWORD));
    assert_null(strstr(c.steps, ROTATOR_PASSWORD));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_target_misses_nothing),
        TEST(a_missing_right_is_named_with_the_grant_that_gives_it),
        TEST(a_superuser_is_out_of_reach_of_createrole),
        TEST(a_missing_or_expired_role_is_named),
        TEST(the_rotators_own_role_is_named),
        TEST(a_route_that_takes_any_password_is_named),
        TEST(the_admin_option_is_asked_for_since_16),
        TEST(a_server_that_is_set_to_be_read_is_named),
        TEST(a_role_of_the_servers_own_is_named),
        TEST(a_pair_needs_its_owner_role),
        TEST(a_rotator_that_is_refused_learns_only_that),
        TEST(sessions_of_the_role_are_counted),
        TEST(a_plan_shows_steps_and_no_value),
    };
    return RUN_TESTS(tests);
}
