// SPDX-License-Identifier: ISC
#include "tests/unit/crypto/keyring_fixture.h"

int keyring_fixture_setup(void **state)
{
    struct keyring_fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_ok(secret_random(KEYRING_KEY_BYTES, &f->root_key));
    assert_ok(keyring_new(&f->keyring));
    assert_ok(keyring_create(f->keyring, f->root_key, f->rows));
    struct keyring_wrapped *added = f->rows + KEYRING_INITIAL_ROWS;
    assert_ok(keyring_make_namespace(f->keyring, FIXTURE_NAMESPACE, added));
    assert_ok(keyring_add(f->keyring, &added[0]));
    assert_ok(keyring_add(f->keyring, &added[1]));
    *state = f;
    return 0;
}

int keyring_fixture_teardown(void **state)
{
    struct keyring_fixture *f = *state;
    keyring_free(f->keyring);
    secret_free(f->root_key);
    free(f);
    return 0;
}

struct status keyring_fixture_reopen(struct keyring_fixture *f)
{
    keyring_close(f->keyring);
    return keyring_open(f->keyring, f->root_key, f->rows, ARRAY_LEN(f->rows));
}
