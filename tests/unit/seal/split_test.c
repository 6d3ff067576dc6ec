// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/seal/split.h"

static struct secret *new_key(void)
{
    struct secret *key = NULL;
    assert_ok(secret_random(SEAL_KEY_BYTES, &key));
    return key;
}

// Combines the shares whose bits are set in `chosen`.
static struct secret *combine(const struct secret *split, int shares, unsigned chosen)
{
    uint8_t numbers[SEAL_SHARES_MAX];
    size_t count = 0;
    struct secret *some CLEANUP(secret_cleanup) = secret_new(secret_len(split));
    struct secret *key = NULL;
    assert_non_null(some);
    for (int i = 0; i < shares; i++) {
        if ((chosen >> i & 1) != 0) {
            memcpy(secret_data(some) + count * SEAL_KEY_BYTES,
                   secret_view(split).ptr + i * SEAL_KEY_BYTES, SEAL_KEY_BYTES);
            numbers[count++] = (uint8_t)(i + 1);
        }
    }
    secret_truncate(some, count * SEAL_KEY_BYTES);
    assert_ok(split_combine(numbers, secret_view(some), count, &key));
    return key;
}

// Every subset of the shares: gives the key exactly when it has at least `threshold` of them.
static void check_all_subsets(int shares, int threshold)
{
    struct secret *key CLEANUP(secret_cleanup) = new_key();
    struct secret *split CLEANUP(secret_cleanup) = NULL;
    assert_ok(split_key(key, shares, threshold, &split));
    for (unsigned chosen = 1; chosen < 1U << shares; chosen++) {
        struct secret *again CLEANUP(secret_cleanup) = combine(split, shares, chosen);
        bool enough = __builtin_popcount(chosen) >= threshold;
        assert_int_equal(secret_equal(key, again), enough);
    }
}

static void exactly_enough_shares_give_the_key(void **state)
{
    (void)state;
    check_all_subsets(1, 1);
    for (int shares = 2; shares <= 6; shares++) {
        for (int threshold = 2; threshold <= shares; threshold++) {
            check_all_subsets(shares, threshold);
        }
    }
}

static void the_largest_splits_work(void **state)
{
    (void)state;
    const int thresholds[] = {2, 128, 255};
    for (size_t i = 0; i < ARRAY_LEN(thresholds); i++) {
        struct secret *key CLEANUP(secret_cleanup) = new_key();
        struct secret *split CLEANUP(secret_cleanup) = NULL;
        assert_ok(split_key(key, SEAL_SHARES_MAX, thresholds[i], &split));
        assert_int_equal(secret_len(split), SEAL_SHARES_MAX * SEAL_KEY_BYTES);
    }
}

static void no_share_is_the_key_when_there_are_several(void **state)
{
    (void)state;
    struct secret *key CLEANUP(secret_cleanup) = new_key();
    struct secret *split CLEANUP(secret_cleanup) = NULL;
    assert_ok(split_key(key, 5, 3, &split));
    for (int i = 0; i < 5; i++) {
        struct bytes share = {secret_view(split).ptr + i * SEAL_KEY_BYTES, SEAL_KEY_BYTES};
        assert_false(secret_equal_bytes(key, share));
    }
}

static void impossible_numbers_are_refused(void **state)
{
    (void)state;
    static const int cases[][2] = {{0, 0}, {0, 1},   {1, 0},   {1, 2},  {2, 1}, {5, 1},
                                   {3, 4}, {-1, -1}, {256, 2}, {5, -3}, {2, 0}, {255, 1}};
    struct secret *key CLEANUP(secret_cleanup) = new_key();
    struct secret *split = NULL;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_status(INVALID, split_key(key, cases[i][0], cases[i][1], &split));
    }
    assert_null(split);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_enough_shares_give_the_key),
        cmocka_unit_test(the_largest_splits_work),
        cmocka_unit_test(no_share_is_the_key_when_there_are_several),
        cmocka_unit_test(impossible_numbers_are_refused),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
