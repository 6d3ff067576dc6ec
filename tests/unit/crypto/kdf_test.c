// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/crypto/hash.h"
#include "vault/crypto/kdf.h"

static const uint8_t key[KDF_KEY_BYTES] = {1, 2, 3};

static bool same(const char *label_a, struct str context_a, const char *label_b,
                 struct str context_b)
{
    uint8_t a[KDF_KEY_BYTES], b[KDF_KEY_BYTES];
    kdf_derive(BYTES_OF(key), label_a, bytes_from_str(context_a), a);
    kdf_derive(BYTES_OF(key), label_b, bytes_from_str(context_b), b);
    return memcmp(a, b, sizeof a) == 0;
}

static void gives_the_same_subkey_again(void **state)
{
    (void)state;
    assert_true(same("label", STR("context"), "label", STR("context")));
}

static void separates_labels_and_contexts(void **state)
{
    (void)state;
    assert_false(same("label", STR("context"), "label2", STR("context")));
    assert_false(same("label", STR("context"), "label", STR("context2")));
    assert_false(same("label", STR(""), "label", STR("c")));
}

static void cannot_be_fooled_by_moving_bytes_from_label_to_context(void **state)
{
    (void)state;
    assert_false(same("ab", STR("c"), "a", STR("bc")));
}

// The construction that the header describes, by hand.
static void is_keyed_blake2b_of_length_label_and_context(void **state)
{
    (void)state;
    static const char input[] = "\0\0\0\0\0\0\0\5labelcontext";
    uint8_t expected[KDF_KEY_BYTES];
    struct secret *derived CLEANUP(secret_cleanup) = NULL;
    hash_blake2b_keyed(BYTES_OF(key), (struct bytes){(const uint8_t *)input, sizeof input - 1},
                       expected, sizeof expected);
    assert_ok(kdf_derive_secret(BYTES_OF(key), "label", bytes_from_str(STR("context")), &derived));
    assert_true(secret_equal_bytes(derived, BYTES_OF(expected)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_same_subkey_again),
        cmocka_unit_test(separates_labels_and_contexts),
        cmocka_unit_test(cannot_be_fooled_by_moving_bytes_from_label_to_context),
        cmocka_unit_test(is_keyed_blake2b_of_length_label_and_context),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
