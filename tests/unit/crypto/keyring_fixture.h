// SPDX-License-Identifier: ISC
// An open keyring with two namespaces, for the tests of what uses one.
#pragma once

#include "tests/support/test.h"
#include "vault/crypto/keyring.h"

enum { FIXTURE_NAMESPACE = 7 };

struct keyring_fixture {
    struct secret *root_key;
    struct keyring *keyring;
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS + KEYRING_NAMESPACE_ROWS]; // as stored
};

// cmocka's setup and teardown: *state is a struct keyring_fixture.
int keyring_fixture_setup(void **state);
int keyring_fixture_teardown(void **state);

#define keyring_test(f)                                                                            \
    cmocka_unit_test_setup_teardown(f, keyring_fixture_setup, keyring_fixture_teardown)

// Seals the fixture's keyring and opens it again from its rows.
struct status keyring_fixture_reopen(struct keyring_fixture *f);
