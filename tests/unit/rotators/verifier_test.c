// SPDX-License-Identifier: ISC
#include "rotators/postgresql/verifier.h"

#include <sodium.h>

#include "tests/support/test.h"

static struct rotunda_bytes octets(const char *c)
{
    return (struct rotunda_bytes){(const uint8_t *)c, strlen(c)};
}

// Salt, password and iterations of RFC 7677 section 3; the keys are what PostgreSQL stores for
// them.
static void verifier_matches_the_published_exchange(void **state)
{
    (void)state;
    uint8_t salt[16];
    size_t len = 0;
    char verifier[VERIFIER_BYTES];
    assert_int_equal(0, sodium_base642bin(salt, sizeof salt, "W22ZaJ0SNY7soEsUEjb6gQ==", 24, NULL,
                                          &len, NULL, sodium_base64_VARIANT_ORIGINAL));
    assert_true(verifier_make(octets("pencil"), (struct rotunda_bytes){salt, len}, verifier));
    assert_string_equal("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
                        verifier);
}

static void another_salt_gives_another_verifier(void **state)
{
    (void)state;
    char one[VERIFIER_BYTES];
    char two[VERIFIER_BYTES];
    assert_true(verifier_make(octets("pencil"), octets("0123456789abcdef"), one));
    assert_true(verifier_make(octets("pencil"), octets("0123456789abcdeg"), two));
    assert_string_not_equal(one, two);
}

static void what_would_need_normalising_is_refused(void **state)
{
    (void)state;
    char verifier[VERIFIER_BYTES] = "untouched";
    struct rotunda_bytes salt = octets("0123456789abcdef");
    assert_false(verifier_make(octets("p\xC3\xA4ssword"), salt, verifier));
    assert_false(verifier_make(octets("tab\there"), salt, verifier));
    assert_false(verifier_make(octets(""), salt, verifier));
    assert_string_equal("untouched", verifier);
}

static void a_salt_that_is_too_short_is_refused(void **state)
{
    (void)state;
    char verifier[VERIFIER_BYTES];
    assert_false(verifier_make(octets("pencil"), octets("short"), verifier));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifier_matches_the_published_exchange),
        cmocka_unit_test(another_salt_gives_another_verifier),
        cmocka_unit_test(what_would_need_normalising_is_refused),
        cmocka_unit_test(a_salt_that_is_too_short_is_refused),
    };
    return RUN_TESTS(tests);
}
