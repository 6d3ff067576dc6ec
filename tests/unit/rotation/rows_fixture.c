// SPDX-License-Identifier: ISC
#include "tests/unit/rotation/rows_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "vault/crypto/row_mac.h"
#include "vault/store/migrate.h"

static const struct store_statement read_attempt = {
    "test.attempt", "SELECT " ATTEMPT_COLUMNS " FROM rotation_attempt a WHERE a.id = $1"};

struct session *rows_fixture_connect(void)
{
    const struct store_config config = {.conninfo = getenv("ROTUNDA_TEST_DATABASE")};
    struct session *s = NULL;
    assert_ok(session_open(&config, &s));
    return s;
}

void rows_fixture_sql(struct rows_fixture *f, const char *format, ...)
{
    char sql[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    assert_ok(session_script(f->session, sql));
}

int64_t rows_fixture_int(struct session *s, const char *sql)
{
    // A statement's name stands for its text: each text gets a name of its own.
    static struct store_statement statements[64];
    static size_t count;
    size_t i = 0;
    while (i < count && strcmp(statements[i].sql, sql) != 0) {
        i++;
    }
    assert_true(i < ARRAY_LEN(statements));
    statements[i] = (struct store_statement){sql, sql};
    count = i == count ? count + 1 : count;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    assert_ok(session_exec(s, &statements[i], NULL, 0, &rows));
    assert_int_equal(1, rows.count);
    return store_get_int(&rows, 0, 0);
}

struct uuid rows_fixture_add_target(struct rows_fixture *f, int64_t concurrency)
{
    struct uuid id = uuid_new();
    char text[UUID_TEXT_BYTES];
    char mount[UUID_TEXT_BYTES];
    uuid_format(id, text);
    uuid_format(f->mount, mount);
    rows_fixture_sql(f,
                     "INSERT INTO rotation_target VALUES ('%s', 1, '%s', '%s', 'mock', 'p', '{}', "
                     "%lld, 20, 1, 'x', 1, now(), now(), 1, 'x')",
                     text, mount, text, (long long)concurrency);
    return id;
}

int rows_fixture_setup(void **state)
{
    struct rows_fixture *f = calloc(1, sizeof *f);
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    char mount[UUID_TEXT_BYTES];
    assert_non_null(f);
    f->session = rows_fixture_connect();
    f->arena = arena_new(1024 * 1024);
    assert_ok(session_script(f->session, "DROP SCHEMA public CASCADE; CREATE SCHEMA public"));
    assert_ok(migrate_run(f->session));
    assert_ok(secret_random(KEYRING_KEY_BYTES, &f->root_key));
    assert_ok(keyring_new(&f->keyring));
    assert_ok(keyring_create(f->keyring, f->root_key, rows));
    f->mount = uuid_new();
    uuid_format(f->mount, mount);
    rows_fixture_sql(f, "INSERT INTO key_epoch (namespace_id, epoch) VALUES (1, 1)");
    rows_fixture_sql(f,
                     "INSERT INTO mount VALUES ('%s', 1, 'rotation/', 'rotation', 'a', '', '{}', "
                     "'{}', 1, 'x')",
                     mount);
    f->target = rows_fixture_add_target(f, 2);
    *state = f;
    return 0;
}

int rows_fixture_teardown(void **state)
{
    struct rows_fixture *f = *state;
    session_close(f->session);
    keyring_free(f->keyring);
    secret_free(f->root_key);
    arena_free(f->arena);
    free(f);
    return 0;
}

struct credential rows_fixture_add_credential(struct rows_fixture *f, struct uuid target,
                                              const char *name)
{
    struct credential c = {.id = uuid_new(),
                           .namespace_id = 1,
                           .mount = f->mount,
                           .name = str_from_c(name),
                           .target = target,
                           .kind = 1,
                           .strategy = STR("single"),
                           .slots = 1,
                           .accounts = {str_from_c(name)},
                           .account_count = 1,
                           .account_settings = STR("{}"),
                           .owner = STR("owner"),
                           .purpose = STR("tests"),
                           .interval_s = 60,
                           .time_zone = STR("UTC"),
                           .windows = STR("[]"),
                           .value_bits = CREDENTIAL_BITS,
                           .expires_us = CLOCK_NEVER,
                           .next_rotation_us = CLOCK_NEVER,
                           .created_us = 1,
                           .updated_us = 1};
    assert_ok(credential_store(f->session, f->keyring, &c));
    c.row_version++;
    return c;
}

struct attempt rows_fixture_add_attempt(struct rows_fixture *f, const struct credential *c)
{
    struct attempt a = attempt_new(c, c->accounts[0], STR("manual"), 1);
    assert_ok(attempt_insert(f->session, f->keyring, STR("node"), &a));
    a.row_version++;
    return a;
}

struct status rows_fixture_read_attempt(struct rows_fixture *f, struct uuid id, struct attempt *out)
{
    const struct store_value key[] = {store_uuid(id)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(f->session, &read_attempt, key, ARRAY_LEN(key), &rows));
    assert_int_equal(1, rows.count);
    TRY(attempt_read(f->keyring, &rows, 0, 0, out));
    out->account = STR("");
    out->baseline = STR("");
    out->cause = STR(""); // borrowed from the rows
    return OK_STATUS;
}
