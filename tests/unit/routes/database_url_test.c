// SPDX-License-Identifier: ISC
#include "api/routes/database_url.h"

#include "vault/base/limits.h"

#include "tests/support/test.h"

#define USER "{{username}}:{{password}}@"

static int open_arena(void **state)
{
    *state = arena_new(LIMIT_ARENA_BYTES);
    return *state == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static void parses_a_server_on_the_network(void **state)
{
    struct database_url u;
    struct str parameter;
    assert_ok(
        database_url_parse(STR("postgresql://" USER "db.internal:5433/orders?sslmode=verify-full"
                               "&sslrootcert=/etc/ssl/my%20ca.pem"),
                           *state, &u, &parameter));
    assert_str("db.internal", u.host);
    assert_str("5433", u.port);
    assert_str("orders", u.database);
    assert_str("/etc/ssl/my ca.pem", u.ca_file);
    assert_str("", u.socket_owner);
}

static void parses_addresses_and_what_is_left_out(void **state)
{
    struct database_url u;
    struct str parameter;
    assert_ok(
        database_url_parse(STR("postgres://" USER "[2001:db8::1]:5432"), *state, &u, &parameter));
    assert_str("2001:db8::1", u.host);
    assert_str("5432", u.port);
    assert_str("", u.database);
    assert_ok(database_url_parse(STR("postgres://" USER "[::1]/x"), *state, &u, &parameter));
    assert_str("::1", u.host);
    assert_str("", u.port);
    assert_ok(database_url_parse(STR("postgres://" USER "db/?sslrootcert=system"), *state, &u,
                                 &parameter));
    assert_str("", u.ca_file);
}

static void parses_a_socket(void **state)
{
    static const char *const urls[] = {
        "postgresql://" USER "/orders?host=/run/postgresql&requirepeer=pg&sslmode=disable",
        "postgresql://" USER "%2Frun%2Fpostgresql/orders?requirepeer=pg",
    };
    struct database_url u;
    struct str parameter;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        assert_ok(database_url_parse(str_from_c(urls[i]), *state, &u, &parameter));
        assert_str("/run/postgresql", u.host);
        assert_str("orders", u.database);
        assert_str("pg", u.socket_owner);
    }
}

static void refuses_what_would_not_be_verified(void **state)
{
    static const char *const urls[] = {
        USER "db/x?sslmode=disable",
        USER "db/x?sslmode=allow",
        USER "db/x?sslmode=prefer",
        USER "db/x?sslmode=require",
        USER "db/x?sslmode=verify-ca",
        USER "db/x?sslmode=",
        USER "db/x?sslmode=verify-full&sslmode=disable",
        USER "db/x?channel_binding=disable",
        USER "db/x?requirepeer=postgres",
        USER "/x?host=/run/postgresql&sslmode=verify-full",
        USER "/x?host=/run/postgresql&sslrootcert=/ca.pem",
    };
    struct database_url u;
    struct str parameter;
    struct str url;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        assert_ok(arena_printf(*state, &url, "postgresql://%s", urls[i]));
        assert_status(INVALID, database_url_parse(url, *state, &u, &parameter));
    }
}

static void refuses_passwords_and_malformed_ones(void **state)
{
    static const char *const urls[] = {
        "",
        "postgresql://",
        "postgresql://user:secret@db/x",
        "postgresql://{{username}}@db/x",
        "postgresql://" USER "db/x?password=secret",
        "postgresql://" USER "db/x?user=me",
        "postgresql://" USER "db/x#y",
        "postgresql://" USER "db:0/x",
        "postgresql://" USER "db:65536/x",
        "postgresql://" USER "db:5432/x?port=5432",
        "postgresql://" USER "db/x?host=other",
        "postgresql://" USER "a,b/x",
        "postgresql://" USER "a%2Cb/x",
        "postgresql://" USER "[::1/x",
        "postgresql://" USER "[::1]x/x",
        "postgresql://" USER "db/%zz",
        "postgresql://" USER "db/%0",
        "postgresql://" USER "db/%00",
        "postgresql://" USER "db/%ff",
        "postgresql://" USER "/x",
        "http://" USER "db/x",
    };
    struct database_url u;
    struct str parameter;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        assert_status(INVALID, database_url_parse(str_from_c(urls[i]), *state, &u, &parameter));
    }
}

static void says_which_parameter_it_is_about(void **state)
{
    struct database_url u;
    struct str parameter;
    assert_status(INVALID, database_url_parse(STR("postgresql://" USER "db/x?connect_timeout=3"),
                                              *state, &u, &parameter));
    assert_str("connect_timeout", parameter);
    assert_status(INVALID, database_url_parse(STR("postgresql://db/x"), *state, &u, &parameter));
    assert_str("", parameter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_a_server_on_the_network),
        cmocka_unit_test(parses_addresses_and_what_is_left_out),
        cmocka_unit_test(parses_a_socket),
        cmocka_unit_test(refuses_what_would_not_be_verified),
        cmocka_unit_test(refuses_passwords_and_malformed_ones),
        cmocka_unit_test(says_which_parameter_it_is_about),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
