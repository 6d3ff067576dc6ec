// SPDX-License-Identifier: ISC
// A migrated database with one mount and one target, an open keyring, and rows made by the engine's
// own functions.
#pragma once

#include "tests/support/test.h"
#include "vault/rotation/attempt.h"

struct rows_fixture {
    struct session *session;
    struct keyring *keyring;
    struct secret *root_key;
    struct arena *arena;
    struct uuid mount;
    struct uuid target;
};

// cmocka's setup and teardown; the database is emptied.
int rows_fixture_setup(void **state);
int rows_fixture_teardown(void **state);

#define rows_test(f) cmocka_unit_test_setup_teardown(f, rows_fixture_setup, rows_fixture_teardown)

// Another session on the same database.
struct session *rows_fixture_connect(void);
// Runs SQL; `format` may hold uuids.
void rows_fixture_sql(struct rows_fixture *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int64_t rows_fixture_int(struct session *s, const char *sql); // one number

struct uuid rows_fixture_add_target(struct rows_fixture *f, int64_t concurrency);
// A credential with one account, called `name` both, and no value yet. Stored.
struct credential rows_fixture_add_credential(struct rows_fixture *f, struct uuid target,
                                              const char *name);
// Its attempt, ready to be claimed. As stored.
struct attempt rows_fixture_add_attempt(struct rows_fixture *f, const struct credential *c);
struct status rows_fixture_read_attempt(struct rows_fixture *f, struct uuid id,
                                        struct attempt *out);
