// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/crypto/hash.h"

static void assert_hex(const char *expected, struct bytes actual)
{
    char text[129];
    assert_true(actual.len <= 64);
    bytes_to_hex(actual, text);
    assert_string_equal(expected, text);
}

// BLAKE2 test vectors (blake2-kat.json): key 00..3f, empty input.
static void keyed_blake2b_gives_the_published_vector(void **state)
{
    (void)state;
    uint8_t key[64], out[64];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)i;
    }
    hash_blake2b_keyed(BYTES_OF(key), (struct bytes){NULL, 0}, out, sizeof out);
    assert_hex("10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786"
               "b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568",
               BYTES_OF(out));
}

// RFC 4231, test cases 1 and 6 (a key longer than a block).
static void hmac_sha256_gives_the_vectors_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t out[HASH_BYTES], short_key[20], long_key[131];
    memset(short_key, 0x0b, sizeof short_key);
    memset(long_key, 0xaa, sizeof long_key);
    hash_hmac_sha256(BYTES_OF(short_key), bytes_from_str(STR("Hi There")), out);
    assert_hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", BYTES_OF(out));
    hash_hmac_sha256(BYTES_OF(long_key),
                     bytes_from_str(STR("Test Using Larger Than Block-Size Key - Hash Key First")),
                     out);
    assert_hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", BYTES_OF(out));
}

static void equality_needs_the_same_length_and_bytes(void **state)
{
    (void)state;
    struct bytes a = bytes_from_str(STR("abc"));
    assert_true(hash_equal(a, bytes_from_str(STR("abc"))));
    assert_false(hash_equal(a, bytes_from_str(STR("abd"))));
    assert_false(hash_equal(a, bytes_from_str(STR("abcd"))));
    assert_true(hash_equal((struct bytes){NULL, 0}, (struct bytes){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keyed_blake2b_gives_the_published_vector),
        cmocka_unit_test(hmac_sha256_gives_the_vectors_of_rfc_4231),
        cmocka_unit_test(equality_needs_the_same_length_and_bytes),
    };
    return RUN_TESTS(tests);
}
