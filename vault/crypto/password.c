// SPDX-License-Identifier: ISC
#include "vault/crypto/password.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

enum { RANDOM_BATCH = 64 };

static bool is_alphabet(struct str alphabet)
{
    bool seen[128] = {false};
    if (alphabet.len < 2) {
        return false;
    }
    for (size_t i = 0; i < alphabet.len; i++) {
        unsigned char c = (unsigned char)alphabet.ptr[i];
        if (c <= ' ' || c > '~' || seen[c]) {
            return false;
        }
        seen[c] = true;
    }
    return true;
}

// A random byte is used only below the largest multiple of the alphabet's size: a remainder of all
// 256 values would favour the first characters.
static void fill(struct str alphabet, uint8_t *out, size_t count)
{
    uint8_t random[RANDOM_BATCH];
    size_t usable = 256 - 256 % alphabet.len;
    size_t done = 0;
    while (done < count) {
        randombytes_buf(random, sizeof random);
        for (size_t i = 0; i < sizeof random && done < count; i++) {
            if (random[i] < usable) {
                out[done++] = (uint8_t)alphabet.ptr[random[i] % alphabet.len];
            }
        }
    }
    sodium_memzero(random, sizeof random);
}

struct status password_generate(struct str alphabet, size_t bits, struct secret **out)
{
    if (!is_alphabet(alphabet)) {
        FAIL(INVALID, "an alphabet is 2 to 94 different printable ASCII characters");
    }
    if (bits < 1 || bits > PASSWORD_MAX_BITS) {
        FAIL(INVALID, "a password has 1 to 4096 bits of entropy");
    }
    return password_draw(alphabet, (size_t)ceil((double)bits / log2((double)alphabet.len)), out);
}

struct status password_draw(struct str alphabet, size_t characters, struct secret **out)
{
    if (!is_alphabet(alphabet) || characters < 1 || characters > PASSWORD_MAX_CHARACTERS) {
        FAIL(INVALID, "a password is 1 to 4096 characters of an alphabet");
    }
    struct secret *s = secret_new(characters);
    if (s == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    fill(alphabet, secret_data(s), characters);
    *out = s;
    return OK_STATUS;
}

struct status password_generate_token(struct str prefix, size_t characters, struct secret **out)
{
    if (characters < 1 || characters > PASSWORD_MAX_CHARACTERS) {
        FAIL(INVALID, "a token has 1 to 4096 random characters");
    }
    struct secret *s = secret_new(prefix.len + characters);
    if (s == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    if (prefix.len > 0) {
        memcpy(secret_data(s), prefix.ptr, prefix.len);
    }
    fill(PASSWORD_BASE62, secret_data(s) + prefix.len, characters);
    *out = s;
    return OK_STATUS;
}
