// SPDX-License-Identifier: ISC
#include "tests/unit/crypto/keyring_fixture.h"
#include "vault/crypto/index_hash.h"

static const struct uuid mount_a = {.octets = {1}};
static const struct uuid mount_b = {.octets = {2}};

static void a_token_hashes_the_same_after_restart_and_rotation(void **state)
{
    struct keyring_fixture *f = *state;
    uint8_t before[INDEX_HASH_TOKEN_BYTES], after[INDEX_HASH_TOKEN_BYTES];
    struct keyring_wrapped row;
    assert_ok(index_hash_token(f->keyring, STR("hvs.token"), before));
    assert_ok(keyring_fixture_reopen(f));
    assert_ok(keyring_make_epoch(f->keyring, KEYRING_ROOT_NAMESPACE, &row));
    assert_ok(keyring_add(f->keyring, &row));
    assert_ok(index_hash_token(f->keyring, STR("hvs.token"), after));
    assert_memory_equal(before, after, sizeof before);
}

static void different_tokens_hash_differently(void **state)
{
    struct keyring_fixture *f = *state;
    uint8_t a[INDEX_HASH_TOKEN_BYTES], b[INDEX_HASH_TOKEN_BYTES];
    assert_ok(index_hash_token(f->keyring, STR("hvs.token"), a));
    assert_ok(index_hash_token(f->keyring, STR("hvs.tokeN"), b));
    assert_memory_not_equal(a, b, sizeof a);
}

static void another_vault_hashes_a_token_differently(void **state)
{
    struct keyring_fixture *f = *state;
    uint8_t a[INDEX_HASH_TOKEN_BYTES], b[INDEX_HASH_TOKEN_BYTES];
    struct keyring *other = NULL;
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    assert_ok(keyring_new(&other));
    assert_ok(keyring_create(other, f->root_key, rows));
    assert_ok(index_hash_token(f->keyring, STR("hvs.token"), a));
    assert_ok(index_hash_token(other, STR("hvs.token"), b));
    keyring_free(other);
    assert_memory_not_equal(a, b, sizeof a);
}

static void a_path_hash_depends_on_mount_and_path(void **state)
{
    struct keyring_fixture *f = *state;
    uint8_t a[INDEX_HASH_PATH_BYTES], again[INDEX_HASH_PATH_BYTES];
    uint8_t other_mount[INDEX_HASH_PATH_BYTES], other_path[INDEX_HASH_PATH_BYTES];
    assert_ok(index_hash_path(f->keyring, mount_a, STR("app/db"), a));
    assert_ok(index_hash_path(f->keyring, mount_a, STR("app/db"), again));
    assert_ok(index_hash_path(f->keyring, mount_b, STR("app/db"), other_mount));
    assert_ok(index_hash_path(f->keyring, mount_a, STR("app/db/"), other_path));
    assert_memory_equal(a, again, sizeof a);
    assert_memory_not_equal(a, other_mount, sizeof a);
    assert_memory_not_equal(a, other_path, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keyring_test(a_token_hashes_the_same_after_restart_and_rotation),
        keyring_test(different_tokens_hash_differently),
        keyring_test(another_vault_hashes_a_token_differently),
        keyring_test(a_path_hash_depends_on_mount_and_path),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
