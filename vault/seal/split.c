// SPDX-License-Identifier: ISC
// libgfshare 2.0.0: splits with a threshold above the number of shares; combines flipped, too few
// or repeated shares into garbage without an error; and calls gfshare_fill_rand without a look at
// it, even when it only combines (to overwrite what it releases).
#include "vault/seal/split.h"

#include <libgfshare.h>
#include <pthread.h>
#include <string.h>

#include "vault/crypto/random.h"

static void fill_random(unsigned char *at, unsigned int len)
{
    random_fill(at, len);
}

static void set_fill_random(void)
{
    gfshare_fill_rand = fill_random;
}

static void prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_fill_random);
}

static void context_cleanup(gfshare_ctx **context)
{
    if (*context != NULL) {
        gfshare_ctx_free(*context); // overwrites its memory with random bytes first
    }
}

struct status split_combine(const uint8_t *numbers, struct bytes shares, size_t count,
                            struct secret **out)
{
    REQUIRE(count >= 1 && count <= SEAL_SHARES_MAX && shares.len == count * SEAL_KEY_BYTES);
    if (count == 1) {
        return secret_copy(shares, out);
    }
    prepare();
    struct secret *key CLEANUP(secret_cleanup) = secret_new(SEAL_KEY_BYTES);
    struct secret *input CLEANUP(secret_cleanup) = secret_new(SEAL_KEY_BYTES);
    uint8_t share_numbers[SEAL_SHARES_MAX];
    memcpy(share_numbers, numbers, count);
    gfshare_ctx *context CLEANUP(context_cleanup) =
        gfshare_ctx_init_dec(share_numbers, (unsigned int)count, SEAL_KEY_BYTES);
    if (key == NULL || input == NULL || context == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(secret_data(input), shares.ptr + i * SEAL_KEY_BYTES, SEAL_KEY_BYTES);
        gfshare_ctx_dec_giveshare(context, (unsigned char)i, secret_data(input));
    }
    gfshare_ctx_dec_extract(context, secret_data(key));
    *out = TAKE(key);
    return OK_STATUS;
}

// Splits into `out`, which has room for all shares.
static struct status split_into(const struct secret *key, const uint8_t *numbers, int shares,
                                int threshold, struct secret *out)
{
    struct secret *input CLEANUP(secret_cleanup) = NULL;
    uint8_t share_numbers[SEAL_SHARES_MAX];
    // cppcheck-suppress uninitvar // the caller has numbered them
    memcpy(share_numbers, numbers, (size_t)shares);
    TRY(secret_copy(secret_view(key), &input));
    gfshare_ctx *context CLEANUP(context_cleanup) = gfshare_ctx_init_enc(
        share_numbers, (unsigned int)shares, (unsigned char)threshold, SEAL_KEY_BYTES);
    if (context == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    gfshare_ctx_enc_setsecret(context, secret_data(input));
    for (int i = 0; i < shares; i++) {
        gfshare_ctx_enc_getshare(context, (unsigned char)i, secret_data(out) + i * SEAL_KEY_BYTES);
    }
    return OK_STATUS;
}

// Combines every run of `threshold` neighbours, so that each share is tried.
static struct status verify(const struct secret *key, const uint8_t *numbers, int shares,
                            int threshold, const struct secret *split)
{
    for (int first = 0; first + threshold <= shares; first++) {
        struct secret *again CLEANUP(secret_cleanup) = NULL;
        struct bytes run = {secret_view(split).ptr + first * SEAL_KEY_BYTES,
                            (size_t)threshold * SEAL_KEY_BYTES};
        TRY(split_combine(numbers + first, run, (size_t)threshold, &again));
        if (!secret_equal(again, key)) {
            FAIL(INTERNAL, "the shares don't give the key back");
        }
    }
    return OK_STATUS;
}

static struct status check_numbers(int shares, int threshold)
{
    if (shares < 1 || shares > SEAL_SHARES_MAX) {
        FAIL(INVALID, "the number of shares must be 1 to 255");
    }
    if (threshold < 1 || threshold > shares) {
        FAIL(INVALID, "the threshold must be at least 1 and at most the number of shares");
    }
    if (shares > 1 && threshold < 2) {
        FAIL(INVALID, "with several shares the threshold must be at least 2");
    }
    return OK_STATUS;
}

struct status split_key(const struct secret *key, int shares, int threshold, struct secret **out)
{
    REQUIRE(secret_len(key) == SEAL_KEY_BYTES);
    TRY(check_numbers(shares, threshold));
    if (shares == 1) {
        return secret_copy(secret_view(key), out);
    }
    prepare();
    uint8_t numbers[SEAL_SHARES_MAX];
    for (int i = 0; i < shares; i++) {
        numbers[i] = (uint8_t)(i + 1);
    }
    struct secret *split CLEANUP(secret_cleanup) = secret_new((size_t)shares * SEAL_KEY_BYTES);
    if (split == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    TRY(split_into(key, numbers, shares, threshold, split));
    TRY(verify(key, numbers, shares, threshold, split));
    *out = TAKE(split);
    return OK_STATUS;
}
