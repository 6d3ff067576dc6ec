// SPDX-License-Identifier: ISC
// Operators' shares. Input: any text; and as octets the parts of a share, the place and the bit of
// one typing error.
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vault/seal/share.h"

enum { PARTS_BYTES = SEAL_SET_ID_BYTES + SEAL_KEY_BYTES };

static void must_decode(const struct secret *share, struct secret *text)
{
    struct secret *back = NULL;
    REQUIRE(status_ok(share_decode(str_from_bytes(secret_view(text)), &back)));
    REQUIRE(secret_equal(back, share));
    secret_free(back);
    secret_free(text);
}

static void check_texts(const struct secret *share)
{
    struct secret *hex = NULL;
    struct secret *base64 = NULL;
    REQUIRE(status_ok(share_to_hex(share, &hex)));
    REQUIRE(status_ok(share_to_base64(share, &base64)));
    must_decode(share, hex);
    must_decode(share, base64);
}

static void check_typing_error(const struct secret *share, size_t at, unsigned bit)
{
    struct secret *text = NULL;
    struct secret *back = NULL;
    REQUIRE(status_ok(share_to_base64(share, &text)));
    secret_data(text)[at % secret_len(text)] ^= (uint8_t)(1U << bit % 8);
    REQUIRE(!status_ok(share_decode(str_from_bytes(secret_view(text)), &back)));
    secret_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct secret *share = NULL;
    fuzz_secret_memory();
    if (status_ok(share_decode((struct str){(const char *)data, size}, &share))) {
        REQUIRE(secret_len(share) == SHARE_BYTES && share_number(share) >= 1);
        check_texts(share);
        secret_free(share);
    }
    if (size < PARTS_BYTES + 3) {
        return 0;
    }
    struct bytes key = {data + SEAL_SET_ID_BYTES, SEAL_KEY_BYTES};
    int number = data[PARTS_BYTES] == 0 ? 1 : data[PARTS_BYTES];
    REQUIRE(status_ok(share_encode(data, number, key, &share)));
    REQUIRE(share_number(share) == number && bytes_equal(share_key(share), key));
    REQUIRE(memcmp(share_set_id(share).ptr, data, SEAL_SET_ID_BYTES) == 0);
    check_texts(share);
    check_typing_error(share, data[PARTS_BYTES + 1], data[PARTS_BYTES + 2]);
    secret_free(share);
    return 0;
}
