// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "tests/support/test.h"
#include "vault/crypto/encoding.h"
#include "vault/base/digest.h"
#include "vault/seal/share.h"

static const uint8_t set_id[SEAL_SET_ID_BYTES] = {0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4};

static struct secret *new_share(int number)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct secret *share = NULL;
    assert_ok(secret_random(SEAL_KEY_BYTES, &key));
    assert_ok(share_encode(set_id, number, secret_view(key), &share));
    return share;
}

static struct str text_of(const struct secret *s)
{
    return str_from_bytes(secret_view(s));
}

static void assert_same_share(const struct secret *share, struct str text)
{
    struct secret *again CLEANUP(secret_cleanup) = NULL;
    assert_ok(share_decode(text, &again));
    assert_true(secret_equal(share, again));
}

static void decodes_hex_and_base64(void **state)
{
    (void)state;
    struct secret *share CLEANUP(secret_cleanup) = new_share(200);
    struct secret *hex CLEANUP(secret_cleanup) = NULL;
    struct secret *base64 CLEANUP(secret_cleanup) = NULL;
    assert_ok(share_to_hex(share, &hex));
    assert_ok(share_to_base64(share, &base64));
    assert_int_equal(secret_len(hex), 92);
    assert_int_equal(secret_len(base64), 64);
    assert_same_share(share, text_of(hex));
    assert_same_share(share, text_of(base64));
}

static void decodes_with_blanks_around_and_without_padding(void **state)
{
    (void)state;
    struct secret *share CLEANUP(secret_cleanup) = new_share(1);
    struct secret *base64 CLEANUP(secret_cleanup) = NULL;
    char padded[80];
    assert_ok(share_to_base64(share, &base64));
    int len = snprintf(padded, sizeof padded, "  %.*s\r\n", STR_ARG(text_of(base64)));
    assert_same_share(share, (struct str){padded, (size_t)len});
    assert_same_share(share, str_first(text_of(base64), 62));
}

static void tells_its_number_and_set(void **state)
{
    (void)state;
    struct secret *share CLEANUP(secret_cleanup) = new_share(255);
    assert_int_equal(share_number(share), 255);
    assert_memory_equal(share_set_id(share).ptr, set_id, sizeof set_id);
}

static void every_typing_error_is_found(void **state)
{
    (void)state;
    struct secret *share CLEANUP(secret_cleanup) = new_share(3);
    struct secret *hex CLEANUP(secret_cleanup) = NULL;
    struct secret *wrong = NULL;
    assert_ok(share_to_hex(share, &hex));
    for (size_t i = 0; i < secret_len(hex); i++) {
        uint8_t *at = secret_data(hex) + i;
        uint8_t genuine = *at;
        *at = genuine == '7' ? '8' : '7';
        assert_status(INVALID, share_decode(text_of(hex), &wrong));
        *at = genuine;
    }
    assert_null(wrong);
}

static void text_that_is_no_share_is_refused(void **state)
{
    (void)state;
    struct secret *wrong = NULL;
    assert_status(INVALID, share_decode(STR(""), &wrong));
    assert_status(INVALID, share_decode(STR("hello"), &wrong));
    assert_status(INVALID, share_decode(STR("aGVsbG8="), &wrong));
    assert_status(INVALID, share_decode(STR("deadbeef"), &wrong));
    assert_null(wrong);
}

// A share whose checksum is right, but one field isn't.
static void assert_refused_with(size_t at, uint8_t value)
{
    struct secret *share CLEANUP(secret_cleanup) = new_share(3);
    struct secret *hex CLEANUP(secret_cleanup) = NULL;
    struct secret *wrong = NULL;
    secret_data(share)[at] = value;
    struct digest sum = digest_of((struct bytes){secret_view(share).ptr, SHARE_BYTES - 4});
    memcpy(secret_data(share) + SHARE_BYTES - 4, sum.octets, 4);
    assert_ok(share_to_hex(share, &hex));
    assert_status(INVALID, share_decode(text_of(hex), &wrong));
    assert_null(wrong);
}

static void share_number_zero_and_unknown_versions_are_refused(void **state)
{
    (void)state;
    assert_refused_with(9, 0);
    assert_refused_with(0, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_hex_and_base64),
        cmocka_unit_test(decodes_with_blanks_around_and_without_padding),
        cmocka_unit_test(tells_its_number_and_set),
        cmocka_unit_test(every_typing_error_is_found),
        cmocka_unit_test(text_that_is_no_share_is_refused),
        cmocka_unit_test(share_number_zero_and_unknown_versions_are_refused),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
