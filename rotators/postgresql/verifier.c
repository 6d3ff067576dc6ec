// SPDX-License-Identifier: ISC
#include "rotators/postgresql/verifier.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
    KEY_BYTES = crypto_auth_hmacsha256_BYTES,
    KEY_TEXT_BYTES = 48, // base64 of KEY_BYTES and a NUL
    SALT_TEXT_BYTES = 96,
    PASSWORD_MAX = 1024,
};

bool verifier_password_fits(struct rotunda_bytes password)
{
    if (password.len == 0 || password.len > PASSWORD_MAX) {
        return false;
    }
    for (size_t i = 0; i < password.len; i++) {
        if (password.ptr[i] < 0x20 || password.ptr[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

static void hmac(struct rotunda_bytes key, const void *data, size_t len, uint8_t out[KEY_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.ptr, key.len);
    crypto_auth_hmacsha256_update(&state, data, len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

// Hi() of RFC 5802 section 2.2, which is PBKDF2 with one block of output.
static void salted_password(struct rotunda_bytes password, struct rotunda_bytes salt,
                            uint8_t out[KEY_BYTES])
{
    static const uint8_t block_number[4] = {0, 0, 0, 1};
    uint8_t round[KEY_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, password.ptr, password.len);
    crypto_auth_hmacsha256_update(&state, salt.ptr, salt.len);
    crypto_auth_hmacsha256_update(&state, block_number, sizeof block_number);
    crypto_auth_hmacsha256_final(&state, round);
    memcpy(out, round, KEY_BYTES);
    for (int i = 1; i < VERIFIER_ITERATIONS; i++) {
        hmac(password, round, KEY_BYTES, round);
        for (size_t k = 0; k < KEY_BYTES; k++) {
            out[k] ^= round[k];
        }
    }
    sodium_memzero(round, sizeof round);
    sodium_memzero(&state, sizeof state);
}

static void encode(const uint8_t *octets, size_t len, char *out, size_t size)
{
    sodium_bin2base64(out, size, octets, len, sodium_base64_VARIANT_ORIGINAL);
}

bool verifier_make(struct rotunda_bytes password, struct rotunda_bytes salt,
                   char out[VERIFIER_BYTES])
{
    if (!verifier_password_fits(password) || salt.len < VERIFIER_SALT_MIN ||
        salt.len > VERIFIER_SALT_MAX) {
        return false;
    }
    uint8_t salted[KEY_BYTES];
    uint8_t key[KEY_BYTES];
    uint8_t stored[KEY_BYTES];
    char salt_text[SALT_TEXT_BYTES];
    char stored_text[KEY_TEXT_BYTES];
    char server_text[KEY_TEXT_BYTES];
    salted_password(password, salt, salted);
    hmac((struct rotunda_bytes){salted, KEY_BYTES}, "Client Key", strlen("Client Key"), key);
    crypto_hash_sha256(stored, key, KEY_BYTES);
    hmac((struct rotunda_bytes){salted, KEY_BYTES}, "Server Key", strlen("Server Key"), key);
    encode(salt.ptr, salt.len, salt_text, sizeof salt_text);
    encode(stored, KEY_BYTES, stored_text, sizeof stored_text);
    encode(key, KEY_BYTES, server_text, sizeof server_text);
    snprintf(out, VERIFIER_BYTES, "SCRAM-SHA-256$%d:%s$%s:%s", VERIFIER_ITERATIONS, salt_text,
             stored_text, server_text);
    sodium_memzero(salted, sizeof salted);
    sodium_memzero(key, sizeof key);
    return true;
}
