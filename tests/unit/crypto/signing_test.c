// SPDX-License-Identifier: ISC
#include "tests/unit/crypto/keyring_fixture.h"
#include "vault/crypto/signing.h"

struct pair {
    uint8_t public_key[SIGNING_PUBLIC_BYTES];
    struct secret *private_key;
};

static struct pair new_pair(void)
{
    struct pair p;
    assert_ok(signing_generate(p.public_key, &p.private_key));
    return p;
}

// RFC 8032 section 7.1, test 2.
static void signs_as_in_rfc_8032(void **state)
{
    (void)state;
    uint8_t seed[SIGNING_SEED_BYTES], public_key[SIGNING_PUBLIC_BYTES], expected_public[32];
    uint8_t signature[SIGNING_SIGNATURE_BYTES], expected[SIGNING_SIGNATURE_BYTES];
    struct secret *private_key CLEANUP(secret_cleanup) = NULL;
    assert_ok(bytes_from_hex(
        STR("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"), seed, 32));
    assert_ok(
        bytes_from_hex(STR("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
                       expected_public, 32));
    assert_ok(
        bytes_from_hex(STR("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                           "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
                       expected, 64));
    assert_ok(signing_from_seed(BYTES_OF(seed), public_key, &private_key));
    signing_sign(private_key, bytes_from_str(STR("r")), signature);
    assert_memory_equal(public_key, expected_public, sizeof public_key);
    assert_memory_equal(signature, expected, sizeof signature);
}

static void verifies_only_this_message_key_and_signature(void **state)
{
    (void)state;
    struct pair p = new_pair();
    struct secret *private_key CLEANUP(secret_cleanup) = p.private_key;
    uint8_t signature[SIGNING_SIGNATURE_BYTES];
    struct bytes message = bytes_from_str(STR("head")), public_key = BYTES_OF(p.public_key);
    signing_sign(private_key, message, signature);
    assert_ok(signing_verify(public_key, message, BYTES_OF(signature)));
    assert_status(INTEGRITY,
                  signing_verify(public_key, bytes_from_str(STR("tail")), BYTES_OF(signature)));
    assert_status(INTEGRITY, signing_verify(public_key, message, (struct bytes){signature, 63}));
    signature[0] ^= 1;
    assert_status(INTEGRITY, signing_verify(public_key, message, BYTES_OF(signature)));
    signature[0] ^= 1;
    p.public_key[0] ^= 1;
    assert_status(INTEGRITY, signing_verify(public_key, message, BYTES_OF(signature)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keyring_test(signs_as_in_rfc_8032),
        keyring_test(verifies_only_this_message_key_and_signature),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
