// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/crypto/aead.h"

// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
static const char draft_key[] = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";
static const char draft_associated[] = "50515253c0c1c2c3c4c5c6c7";
static const char draft_plaintext[] =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    "sunscreen would be it.";
static const char draft_sealed[] =
    "404142434445464748494a4b4c4d4e4f5051525354555657"
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e"
    "39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3"
    "fff921f9664c97637da9768812f615c68b13b52e"
    "c0875924c1c7987947deafd8780acf49";

struct draft {
    uint8_t key[AEAD_KEY_BYTES];
    uint8_t associated[12];
    uint8_t sealed[154];
};

static struct draft draft_get(void)
{
    struct draft d;
    assert_ok(bytes_from_hex(str_from_c(draft_key), d.key, sizeof d.key));
    assert_ok(bytes_from_hex(str_from_c(draft_associated), d.associated, sizeof d.associated));
    assert_ok(bytes_from_hex(str_from_c(draft_sealed), d.sealed, sizeof d.sealed));
    return d;
}

static struct status draft_open(const struct draft *d, size_t sealed_len)
{
    struct secret *opened CLEANUP(secret_cleanup) = NULL;
    struct bytes sealed = {d->sealed, sealed_len};
    TRY(aead_open(BYTES_OF(d->key), BYTES_OF(d->associated), sealed, &opened));
    assert_str(draft_plaintext, str_from_bytes(secret_view(opened)));
    return OK_STATUS;
}

static void opens_the_vector_of_the_draft(void **state)
{
    (void)state;
    struct draft d = draft_get();
    assert_ok(draft_open(&d, sizeof d.sealed));
}

static void refuses_every_flipped_byte_of_the_sealed_form(void **state)
{
    (void)state;
    struct draft d = draft_get();
    for (size_t i = 0; i < sizeof d.sealed; i++) {
        d.sealed[i] ^= 0x01;
        assert_status(INTEGRITY, draft_open(&d, sizeof d.sealed));
        d.sealed[i] ^= 0x01;
    }
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    struct draft d = draft_get();
    for (size_t len = 0; len < sizeof d.sealed; len++) {
        assert_status(INTEGRITY, draft_open(&d, len));
    }
}

static void refuses_another_key(void **state)
{
    (void)state;
    struct draft d = draft_get();
    d.key[31] ^= 0x80;
    assert_status(INTEGRITY, draft_open(&d, sizeof d.sealed));
}

static void refuses_other_associated_data(void **state)
{
    (void)state;
    struct draft d = draft_get();
    d.associated[0] ^= 0x80;
    assert_status(INTEGRITY, draft_open(&d, sizeof d.sealed));
}

static void seals_the_same_plaintext_differently_each_time(void **state)
{
    (void)state;
    struct draft d = draft_get();
    struct buffer one CLEANUP(buffer_done), two CLEANUP(buffer_done);
    buffer_init(&one, 100);
    buffer_init(&two, 100);
    struct bytes nothing = {NULL, 0};
    assert_ok(aead_seal(BYTES_OF(d.key), nothing, bytes_from_str(STR("secret")), &one));
    assert_ok(aead_seal(BYTES_OF(d.key), nothing, bytes_from_str(STR("secret")), &two));
    assert_int_equal(one.len, 6 + AEAD_OVERHEAD_BYTES);
    assert_memory_not_equal(one.ptr, two.ptr, one.len);
}

static void opens_what_it_sealed_into_an_arena(void **state)
{
    (void)state;
    struct draft d = draft_get();
    struct arena *memory CLEANUP(arena_cleanup) = arena_new(4096);
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 100);
    struct bytes key = BYTES_OF(d.key), nothing = {NULL, 0}, opened = {NULL, 0};
    assert_ok(aead_seal(key, nothing, bytes_from_str(STR("secret")), &sealed));
    assert_ok(aead_open_in(key, nothing, buffer_bytes(&sealed), memory, &opened));
    assert_str("secret", str_from_bytes(opened));
}

static void seals_and_opens_the_empty_value(void **state)
{
    (void)state;
    struct draft d = draft_get();
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 100);
    struct bytes key = BYTES_OF(d.key), nothing = {NULL, 0};
    struct secret *opened CLEANUP(secret_cleanup) = NULL;
    assert_ok(aead_seal(key, nothing, nothing, &sealed));
    assert_ok(aead_open(key, nothing, buffer_bytes(&sealed), &opened));
    assert_int_equal(secret_len(opened), 0);
}

static void says_when_the_buffer_is_too_small(void **state)
{
    (void)state;
    struct draft d = draft_get();
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, AEAD_OVERHEAD_BYTES);
    struct bytes nothing = {NULL, 0};
    assert_status(TOO_LARGE,
                  aead_seal(BYTES_OF(d.key), nothing, bytes_from_str(STR("x")), &sealed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_the_vector_of_the_draft),
        cmocka_unit_test(refuses_every_flipped_byte_of_the_sealed_form),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_another_key),
        cmocka_unit_test(refuses_other_associated_data),
        cmocka_unit_test(seals_the_same_plaintext_differently_each_time),
        cmocka_unit_test(opens_what_it_sealed_into_an_arena),
        cmocka_unit_test(seals_and_opens_the_empty_value),
        cmocka_unit_test(says_when_the_buffer_is_too_small),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
