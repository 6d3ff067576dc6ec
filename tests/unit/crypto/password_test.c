// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/crypto/password.h"

static size_t length_for(struct str alphabet, size_t bits)
{
    struct secret *s CLEANUP(secret_cleanup) = NULL;
    assert_ok(password_generate(alphabet, bits, &s));
    return secret_len(s);
}

static void is_as_long_as_the_entropy_needs(void **state)
{
    (void)state;
    assert_int_equal(length_for(STR("01"), 128), 128);
    assert_int_equal(length_for(PASSWORD_BASE64URL, 96), 16);
    assert_int_equal(length_for(PASSWORD_BASE64URL, 97), 17);
    assert_int_equal(length_for(PASSWORD_BASE62, 128), 22);
    assert_int_equal(length_for(PASSWORD_BASE62, 1), 1);
}

// 62 characters, 62000 draws: each is expected 1000 times; six standard deviations are 189.
static void draws_every_character_equally_often(void **state)
{
    (void)state;
    size_t seen[256] = {0};
    for (int i = 0; i < 62; i++) {
        struct secret *s CLEANUP(secret_cleanup) = NULL;
        assert_ok(password_generate_token(STR(""), 1000, &s));
        for (size_t j = 0; j < secret_len(s); j++) {
            seen[secret_view(s).ptr[j]]++;
        }
    }
    for (size_t i = 0; i < PASSWORD_BASE62.len; i++) {
        assert_in_range(seen[(unsigned char)PASSWORD_BASE62.ptr[i]], 811, 1189);
    }
}

static void refuses_a_bad_alphabet(void **state)
{
    (void)state;
    struct secret *s = NULL;
    assert_status(INVALID, password_generate(STR(""), 64, &s));
    assert_status(INVALID, password_generate(STR("a"), 64, &s));
    assert_status(INVALID, password_generate(STR("aba"), 64, &s));
    assert_status(INVALID, password_generate(STR("ab "), 64, &s));
    assert_status(INVALID, password_generate(STR("ab\xc3\xa4"), 64, &s));
    assert_null(s);
}

static void refuses_an_entropy_out_of_bounds(void **state)
{
    (void)state;
    struct secret *s = NULL;
    assert_status(INVALID, password_generate(PASSWORD_BASE62, 0, &s));
    assert_status(INVALID, password_generate(PASSWORD_BASE62, PASSWORD_MAX_BITS + 1, &s));
    assert_null(s);
}

static void token_has_its_prefix_and_base62(void **state)
{
    (void)state;
    struct secret *s CLEANUP(secret_cleanup) = NULL;
    assert_ok(password_generate_token(STR("hvs."), 24, &s));
    struct str text = str_from_bytes(secret_view(s));
    assert_int_equal(text.len, 28);
    assert_true(str_starts_with(text, STR("hvs.")));
    for (size_t i = 4; i < text.len; i++) {
        assert_non_null(memchr(PASSWORD_BASE62.ptr, text.ptr[i], PASSWORD_BASE62.len));
    }
}

static void tokens_differ(void **state)
{
    (void)state;
    struct secret *a CLEANUP(secret_cleanup) = NULL;
    struct secret *b CLEANUP(secret_cleanup) = NULL;
    assert_ok(password_generate_token(STR(""), 24, &a));
    assert_ok(password_generate_token(STR(""), 24, &b));
    assert_false(secret_equal(a, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_as_long_as_the_entropy_needs),
        cmocka_unit_test(draws_every_character_equally_often),
        cmocka_unit_test(refuses_a_bad_alphabet),
        cmocka_unit_test(refuses_an_entropy_out_of_bounds),
        cmocka_unit_test(token_has_its_prefix_and_base62),
        cmocka_unit_test(tokens_differ),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
