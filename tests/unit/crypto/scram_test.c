// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/crypto/encoding.h"
#include "vault/crypto/hash.h"
#include "vault/crypto/scram.h"

// RFC 7677 section 3: user "user", password "pencil".
static const char rfc_salt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";
static const char rfc_auth_message[] =
    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
static const char rfc_client_proof[] = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char rfc_server_signature[] = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static struct secret *base64(struct str text)
{
    struct secret *s = NULL;
    assert_ok(encoding_from_base64(text, &s));
    return s;
}

static struct status verifier(struct str password, int64_t iterations, struct secret **out)
{
    struct secret *p CLEANUP(secret_cleanup) = NULL;
    struct secret *salt CLEANUP(secret_cleanup) = base64(str_from_c(rfc_salt));
    TRY(secret_copy(bytes_from_str(password), &p));
    return scram_verifier(p, secret_view(salt), iterations, out);
}

// Splits "SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>".
static void split_keys(const struct secret *text, struct secret **stored, struct secret **server)
{
    struct str scheme, cost, keys, stored_text, server_text;
    assert_true(str_split(str_from_bytes(secret_view(text)), '$', &scheme, &keys));
    assert_str("SCRAM-SHA-256", scheme);
    assert_true(str_split(keys, '$', &cost, &keys));
    assert_str("4096:W22ZaJ0SNY7soEsUEjb6gQ==", cost);
    assert_true(str_split(keys, ':', &stored_text, &server_text));
    *stored = base64(stored_text);
    *server = base64(server_text);
}

static void server_key_signs_as_in_rfc_7677(void **state)
{
    (void)state;
    struct secret *text CLEANUP(secret_cleanup) = NULL;
    struct secret *stored CLEANUP(secret_cleanup) = NULL;
    struct secret *server CLEANUP(secret_cleanup) = NULL;
    struct secret *expected CLEANUP(secret_cleanup) = base64(str_from_c(rfc_server_signature));
    uint8_t signature[HASH_BYTES];
    assert_ok(verifier(STR("pencil"), 4096, &text));
    split_keys(text, &stored, &server);
    hash_hmac_sha256(secret_view(server), bytes_from_str(str_from_c(rfc_auth_message)), signature);
    assert_true(secret_equal_bytes(expected, BYTES_OF(signature)));
}

// What a server does: ClientKey = proof XOR HMAC(StoredKey, AuthMessage); H(ClientKey) must be
// StoredKey.
static void stored_key_accepts_the_proof_of_rfc_7677(void **state)
{
    (void)state;
    struct secret *text CLEANUP(secret_cleanup) = NULL;
    struct secret *stored CLEANUP(secret_cleanup) = NULL;
    struct secret *server CLEANUP(secret_cleanup) = NULL;
    struct secret *proof CLEANUP(secret_cleanup) = base64(str_from_c(rfc_client_proof));
    uint8_t client_key[HASH_BYTES], hashed[HASH_BYTES];
    assert_ok(verifier(STR("pencil"), 4096, &text));
    split_keys(text, &stored, &server);
    hash_hmac_sha256(secret_view(stored), bytes_from_str(str_from_c(rfc_auth_message)), client_key);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        client_key[i] ^= secret_view(proof).ptr[i];
    }
    hash_sha256(BYTES_OF(client_key), hashed);
    assert_true(secret_equal_bytes(stored, BYTES_OF(hashed)));
}

static void is_the_same_again_and_another_for_another_password(void **state)
{
    (void)state;
    struct secret *one CLEANUP(secret_cleanup) = NULL;
    struct secret *again CLEANUP(secret_cleanup) = NULL;
    struct secret *other CLEANUP(secret_cleanup) = NULL;
    assert_ok(verifier(STR("pencil"), 4096, &one));
    assert_ok(verifier(STR("pencil"), 4096, &again));
    assert_ok(verifier(STR("Pencil"), 4096, &other));
    assert_true(secret_equal(one, again));
    assert_false(secret_equal(one, other));
}

static void takes_a_password_longer_than_a_block(void **state)
{
    (void)state;
    struct secret *text CLEANUP(secret_cleanup) = NULL;
    assert_ok(verifier(STR("0123456789012345678901234567890123456789012345678901234567890123456"
                           "789012345678901234567890123456789"),
                       4096, &text));
    // Calculated with Python's hashlib and hmac.
    assert_str(
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "7DVYhm247JeDa/MDPiU5wQithAmLuKOKiuDbd9o8kqI=:YmzDrFP2s6E/LWd65ZDQqHaKzvKnFYLbeE4Alp7lcJY=",
        str_from_bytes(secret_view(text)));
}

static void refuses_passwords_that_need_saslprep(void **state)
{
    (void)state;
    struct secret *text = NULL;
    assert_status(INVALID, verifier(STR(""), 4096, &text));
    assert_status(INVALID, verifier(STR("p\xc3\xa4ssword"), 4096, &text));
    assert_status(INVALID, verifier(STR("pass\tword"), 4096, &text));
    assert_status(INVALID, verifier(STR("password\x7f"), 4096, &text));
    assert_null(text);
}

static void refuses_iterations_and_salt_out_of_bounds(void **state)
{
    (void)state;
    struct secret *text = NULL;
    struct secret *password CLEANUP(secret_cleanup) = NULL;
    uint8_t salt[SCRAM_SALT_MAX_BYTES + 1] = {0};
    assert_status(INVALID, verifier(STR("pencil"), 4095, &text));
    assert_status(INVALID, verifier(STR("pencil"), SCRAM_ITERATIONS_MAX + 1, &text));
    assert_ok(secret_copy(bytes_from_str(STR("pencil")), &password));
    assert_status(INVALID, scram_verifier(password, BYTES_OF(salt), 4096, &text));
    assert_status(INVALID, scram_verifier(password, (struct bytes){NULL, 0}, 4096, &text));
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_key_signs_as_in_rfc_7677),
        cmocka_unit_test(stored_key_accepts_the_proof_of_rfc_7677),
        cmocka_unit_test(is_the_same_again_and_another_for_another_password),
        cmocka_unit_test(takes_a_password_longer_than_a_block),
        cmocka_unit_test(refuses_passwords_that_need_saslprep),
        cmocka_unit_test(refuses_iterations_and_salt_out_of_bounds),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
