// SPDX-License-Identifier: ISC
#include "vault/crypto/scram.h"

#include <sodium.h>
#include <string.h>

#include "vault/base/buffer.h"
#include "vault/crypto/hash.h"

enum { VERIFIER_MAX_BYTES = 512 };

// Everything derived on the way to a verifier, to be wiped at once.
struct derivation {
    crypto_auth_hmacsha256_state keyed; // has absorbed the password and nothing else
    crypto_auth_hmacsha256_state state;
    uint8_t round[HASH_BYTES];
    uint8_t salted_password[HASH_BYTES];
    uint8_t client_key[HASH_BYTES];
    uint8_t stored_key[HASH_BYTES];
    uint8_t server_key[HASH_BYTES];
};

static void derivation_cleanup(struct derivation *d)
{
    sodium_memzero(d, sizeof *d);
}

static bool is_printable_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

static struct status check(struct bytes password, struct bytes salt, int64_t iterations)
{
    if (password.len == 0 || !is_printable_ascii(password)) {
        FAIL(INVALID, "a SCRAM password must be printable ASCII and not empty");
    }
    if (salt.len == 0 || salt.len > SCRAM_SALT_MAX_BYTES) {
        FAIL(INVALID, "a SCRAM salt must have 1 to 64 bytes");
    }
    if (iterations < SCRAM_ITERATIONS || iterations > SCRAM_ITERATIONS_MAX) {
        FAIL(INVALID, "SCRAM iterations must be 4096 to 10000000");
    }
    return OK_STATUS;
}

// Hi() of RFC 5802 section 2.2: the first block of PBKDF2-HMAC-SHA256 (RFC 8018 section 5.2).
// Copying the keyed state saves each round two of its four compressions.
static void hi(struct derivation *d, struct bytes password, struct bytes salt, int64_t iterations)
{
    static const uint8_t first_block[4] = {0, 0, 0, 1};
    crypto_auth_hmacsha256_init(&d->keyed, password.ptr, password.len);
    d->state = d->keyed;
    crypto_auth_hmacsha256_update(&d->state, salt.ptr, salt.len);
    crypto_auth_hmacsha256_update(&d->state, first_block, sizeof first_block);
    crypto_auth_hmacsha256_final(&d->state, d->round);
    memcpy(d->salted_password, d->round, HASH_BYTES);
    for (int64_t i = 1; i < iterations; i++) {
        d->state = d->keyed;
        crypto_auth_hmacsha256_update(&d->state, d->round, HASH_BYTES);
        crypto_auth_hmacsha256_final(&d->state, d->round);
        for (size_t j = 0; j < HASH_BYTES; j++) {
            d->salted_password[j] ^= d->round[j];
        }
    }
}

static void derive(struct derivation *d, struct bytes password, struct bytes salt,
                   int64_t iterations)
{
    hi(d, password, salt, iterations);
    hash_hmac_sha256(BYTES_OF(d->salted_password), bytes_from_str(STR("Client Key")),
                     d->client_key);
    hash_sha256(BYTES_OF(d->client_key), d->stored_key);
    hash_hmac_sha256(BYTES_OF(d->salted_password), bytes_from_str(STR("Server Key")),
                     d->server_key);
}

struct status scram_verifier(const struct secret *password, struct bytes salt, int64_t iterations,
                             struct secret **out)
{
    TRY(check(secret_view(password), salt, iterations));
    struct derivation d CLEANUP(derivation_cleanup);
    derive(&d, secret_view(password), salt, iterations);
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, VERIFIER_MAX_BYTES);
    buffer_append_c(&text, "SCRAM-SHA-256$");
    buffer_append_int(&text, iterations);
    buffer_append_byte(&text, ':');
    buffer_append_base64(&text, salt);
    buffer_append_byte(&text, '$');
    buffer_append_base64(&text, BYTES_OF(d.stored_key));
    buffer_append_byte(&text, ':');
    buffer_append_base64(&text, BYTES_OF(d.server_key));
    TRY(buffer_status(&text));
    return secret_copy(buffer_bytes(&text), out);
}
