// SPDX-License-Identifier: ISC
#include "vault/crypto/encoding.h"

#include <sodium.h>

// libsodium ends its text with a NUL, which is cut off again.
static struct secret *without_nul(struct secret *text)
{
    secret_truncate(text, secret_len(text) - 1);
    return text;
}

struct status encoding_to_hex(struct bytes data, struct secret **out)
{
    struct secret *text = secret_new(data.len * 2 + 1);
    if (text == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    sodium_bin2hex((char *)secret_data(text), secret_len(text), data.ptr, data.len);
    *out = without_nul(text);
    return OK_STATUS;
}

struct status encoding_to_base64(struct bytes data, struct secret **out)
{
    size_t with_nul = sodium_base64_encoded_len(data.len, sodium_base64_VARIANT_ORIGINAL);
    struct secret *text = secret_new(with_nul);
    if (text == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    sodium_bin2base64((char *)secret_data(text), with_nul, data.ptr, data.len,
                      sodium_base64_VARIANT_ORIGINAL);
    *out = without_nul(text);
    return OK_STATUS;
}

struct status encoding_from_hex(struct str text, struct secret **out)
{
    struct secret *data CLEANUP(secret_cleanup) = secret_new(text.len / 2);
    if (data == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    size_t len = 0;
    const char *end = NULL;
    if (text.len % 2 != 0 ||
        sodium_hex2bin(secret_data(data), secret_len(data), text.ptr, text.len, NULL, &len, &end) !=
            0 ||
        end != text.ptr + text.len) {
        FAIL(INVALID, "not hexadecimal");
    }
    *out = TAKE(data);
    return OK_STATUS;
}

// libsodium 1.0.18 takes an octet above 0x7F for the character without its highest bit.
static bool is_ascii(struct str text)
{
    unsigned all = 0;
    for (size_t i = 0; i < text.len; i++) {
        all |= (unsigned char)text.ptr[i];
    }
    return all < 0x80;
}

struct status encoding_from_base64(struct str text, struct secret **out)
{
    struct secret *data CLEANUP(secret_cleanup) = secret_new(text.len / 4 * 3 + 3);
    if (data == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    if (!is_ascii(text)) {
        FAIL(INVALID, "not base64");
    }
    static const int variants[] = {
        sodium_base64_VARIANT_ORIGINAL,
        sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
        sodium_base64_VARIANT_URLSAFE,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    };
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        size_t len = 0;
        const char *end = NULL;
        if (sodium_base642bin(secret_data(data), secret_len(data), text.ptr, text.len, NULL, &len,
                              &end, variants[i]) == 0 &&
            end == text.ptr + text.len) {
            secret_truncate(data, len);
            *out = TAKE(data);
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "not base64");
}
