// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/crypto/encoding.h"

static void prints_hex_and_base64(void **state)
{
    (void)state;
    struct secret *hex CLEANUP(secret_cleanup) = NULL;
    struct secret *base64 CLEANUP(secret_cleanup) = NULL;
    assert_ok(encoding_to_hex(bytes_from_str(STR("foob")), &hex));
    assert_ok(encoding_to_base64(bytes_from_str(STR("foob")), &base64));
    assert_str("666f6f62", str_from_bytes(secret_view(hex)));
    assert_str("Zm9vYg==", str_from_bytes(secret_view(base64)));
}

static void reads_hex_of_either_case(void **state)
{
    (void)state;
    struct secret *data CLEANUP(secret_cleanup) = NULL;
    assert_ok(encoding_from_hex(STR("4a4B"), &data));
    assert_str("JK", str_from_bytes(secret_view(data)));
}

static void refuses_what_is_not_hex(void **state)
{
    (void)state;
    struct secret *data = NULL;
    assert_status(INVALID, encoding_from_hex(STR("4a4"), &data));
    assert_status(INVALID, encoding_from_hex(STR("4g"), &data));
    assert_status(INVALID, encoding_from_hex(STR("4a 4a "), &data));
    assert_null(data);
}

static void assert_base64(const char *expected, struct str text)
{
    struct secret *data CLEANUP(secret_cleanup) = NULL;
    assert_ok(encoding_from_base64(text, &data));
    assert_str(expected, str_from_bytes(secret_view(data)));
}

static void reads_base64_with_and_without_padding(void **state)
{
    (void)state;
    assert_base64("", STR(""));
    assert_base64("f", STR("Zg=="));
    assert_base64("f", STR("Zg"));
    assert_base64("foobar", STR("Zm9vYmFy"));
}

static void reads_either_alphabet(void **state)
{
    (void)state;
    assert_base64("\xfb\xff", STR("+/8="));
    assert_base64("\xfb\xff", STR("-_8"));
}

static void refuses_what_is_not_base64(void **state)
{
    (void)state;
    struct secret *data = NULL;
    assert_status(INVALID, encoding_from_base64(STR("Z"), &data));
    assert_status(INVALID, encoding_from_base64(STR("Zg="), &data));
    assert_status(INVALID, encoding_from_base64(STR("Zm9v YmFy"), &data));
    assert_status(INVALID, encoding_from_base64(STR("+_8="), &data));
    assert_status(INVALID, encoding_from_base64(STR("+\xAF"
                                                    "8="),
                                                &data));
    assert_status(INVALID, encoding_from_base64(STR("\xDA"
                                                    "g=="),
                                                &data));
    assert_null(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_hex_and_base64),
        cmocka_unit_test(reads_hex_of_either_case),
        cmocka_unit_test(refuses_what_is_not_hex),
        cmocka_unit_test(reads_base64_with_and_without_padding),
        cmocka_unit_test(reads_either_alphabet),
        cmocka_unit_test(refuses_what_is_not_base64),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
