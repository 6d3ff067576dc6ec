// SPDX-License-Identifier: ISC
// Hexadecimal and base64 of secrets: any octets survive both ways, and what is accepted has one
// meaning.
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vault/crypto/encoding.h"

typedef struct status encoder(struct bytes data, struct secret **out);
typedef struct status decoder(struct str text, struct secret **out);

static void there_and_back(struct bytes octets, encoder *encode, decoder *decode)
{
    struct secret *text = NULL;
    struct secret *back = NULL;
    REQUIRE(status_ok(encode(octets, &text)));
    REQUIRE(status_ok(decode(str_from_bytes(secret_view(text)), &back)));
    REQUIRE(secret_equal_bytes(back, octets));
    secret_free(text);
    secret_free(back);
}

static bool has_any(struct str text, const char *set)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\0' && strchr(set, text.ptr[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void check_hex(struct str text)
{
    struct secret *octets = NULL;
    struct secret *written = NULL;
    if (status_ok(encoding_from_hex(text, &octets))) {
        REQUIRE(status_ok(encoding_to_hex(secret_view(octets), &written)));
        REQUIRE(str_equal_nocase(str_from_bytes(secret_view(written)), text));
    }
    secret_free(octets);
    secret_free(written);
}

static void check_base64(struct str text)
{
    struct secret *octets = NULL;
    if (status_ok(encoding_from_base64(text, &octets))) {
        for (size_t i = 0; i < text.len; i++) {
            REQUIRE((unsigned char)text.ptr[i] < 0x80);
        }
        REQUIRE(!(has_any(text, "+/") && has_any(text, "-_")));
        REQUIRE(secret_len(octets) <= text.len / 4 * 3 + 3);
        there_and_back(secret_view(octets), encoding_to_base64, encoding_from_base64);
    }
    secret_free(octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes octets = {data, size};
    fuzz_secret_memory();
    there_and_back(octets, encoding_to_hex, encoding_from_hex);
    there_and_back(octets, encoding_to_base64, encoding_from_base64);
    check_hex(str_from_bytes(octets));
    check_base64(str_from_bytes(octets));
    return 0;
}
