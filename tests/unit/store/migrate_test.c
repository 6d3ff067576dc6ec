// SPDX-License-Identifier: ISC
#include "vault/store/migrate.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/support/test.h"

static struct store_config database(void)
{
    return (struct store_config){.conninfo = getenv("ROTUNDA_TEST_DATABASE")};
}

static struct session *open_session(void)
{
    const struct store_config config = database();
    struct session *s = NULL;
    assert_ok(session_open(&config, &s));
    return s;
}

static int start_over(void **state)
{
    (void)state;
    struct session *s = open_session();
    assert_ok(session_script(s, "DROP SCHEMA public CASCADE; CREATE SCHEMA public"));
    session_close(s);
    return 0;
}

static void empty_database_is_brought_up_to_date_once(void **state)
{
    (void)state;
    struct session *s = open_session();
    assert_ok(migrate_run(s));
    assert_ok(migrate_run(s));
    session_close(s);
}

static void *run_migrations(void *arg)
{
    struct status *out = arg;
    const struct store_config config = database();
    struct session *s = NULL;
    *out = session_open(&config, &s);
    if (status_ok(*out)) {
        *out = migrate_run(s);
        session_close(s);
    }
    return NULL;
}

static void nodes_that_start_at_once_wait_for_one_another(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct status outcomes[ARRAY_LEN(threads)];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(0, pthread_create(&threads[i], NULL, run_migrations, &outcomes[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_ok(outcomes[i]);
    }
}

static void altered_migration_is_refused(void **state)
{
    (void)state;
    struct session *s = open_session();
    assert_ok(migrate_run(s));
    assert_ok(
        session_script(s, "UPDATE schema_migration SET checksum = '\\x00' WHERE version = 2"));
    assert_status(INTEGRITY, migrate_run(s));
    session_close(s);
}

static void newer_database_is_refused(void **state)
{
    (void)state;
    struct session *s = open_session();
    assert_ok(migrate_run(s));
    assert_ok(session_script(s, "INSERT INTO schema_migration (version, name, checksum) "
                                "VALUES (9999, '9999_from_the_future', '')"));
    assert_status(CONFLICT, migrate_run(s));
    session_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(empty_database_is_brought_up_to_date_once, start_over),
        cmocka_unit_test_setup(nodes_that_start_at_once_wait_for_one_another, start_over),
        cmocka_unit_test_setup(altered_migration_is_refused, start_over),
        cmocka_unit_test_setup(newer_database_is_refused, start_over),
    };
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
