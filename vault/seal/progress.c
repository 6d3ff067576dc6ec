// SPDX-License-Identifier: ISC
#include "vault/seal/progress.h"

#include <pthread.h>
#include <string.h>

#include "vault/crypto/hash.h"
#include "vault/seal/share.h"
#include "vault/seal/split.h"

// Invariant: given[0 .. count-1] are distinct, genuine shares of this set, and count < threshold
// between calls.
struct seal_progress {
    pthread_mutex_t lock;
    int shares;
    int threshold;
    uint8_t set_id[SEAL_SET_ID_BYTES];
    uint8_t digests[SEAL_SHARES_MAX][SEAL_DIGEST_BYTES];
    struct uuid nonce;
    size_t count;
    struct secret *given[SEAL_SHARES_MAX];
};

static void forget(struct seal_progress *p)
{
    for (size_t i = 0; i < p->count; i++) {
        secret_free(p->given[i]);
        p->given[i] = NULL;
    }
    p->count = 0;
    p->nonce = (struct uuid){0};
}

void seal_progress_free(struct seal_progress *p)
{
    if (p != NULL) {
        forget(p);
        pthread_mutex_destroy(&p->lock);
        free(p);
    }
}

struct status seal_progress_new(const struct seal_config *config, struct seal_progress **out)
{
    struct bytes digests = buffer_bytes(&config->share_digests);
    if (config->shares < 1 || config->shares > SEAL_SHARES_MAX || config->threshold < 1 ||
        config->threshold > config->shares ||
        digests.len != (size_t)config->shares * SEAL_DIGEST_BYTES) {
        FAIL(INTEGRITY, "the stored seal isn't one with shares");
    }
    struct seal_progress *p = calloc(1, sizeof *p);
    if (p == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    pthread_mutex_init(&p->lock, NULL);
    p->shares = config->shares;
    p->threshold = config->threshold;
    memcpy(p->set_id, config->set_id, sizeof p->set_id);
    memcpy(p->digests, digests.ptr, digests.len);
    *out = p;
    return OK_STATUS;
}

void seal_progress_reset(struct seal_progress *p)
{
    pthread_mutex_lock(&p->lock);
    forget(p);
    pthread_mutex_unlock(&p->lock);
}

void seal_progress_get(struct seal_progress *p, struct seal_progress_state *out)
{
    pthread_mutex_lock(&p->lock);
    *out = (struct seal_progress_state){
        .nonce = p->nonce,
        .given = (int)p->count,
        .threshold = p->threshold,
        .shares = p->shares,
    };
    pthread_mutex_unlock(&p->lock);
}

static struct status check_share(const struct seal_progress *p, const struct secret *share)
{
    if (!hash_equal(share_set_id(share), BYTES_OF(p->set_id))) {
        FAIL(INVALID, "the share belongs to another vault, or to a set that was replaced");
    }
    int number = share_number(share);
    uint8_t digest[SEAL_DIGEST_BYTES];
    share_digest(share, digest);
    if (number > p->shares || !hash_equal(BYTES_OF(digest), BYTES_OF(p->digests[number - 1]))) {
        FAIL(INVALID, "the share isn't one of those that were handed out");
    }
    for (size_t i = 0; i < p->count; i++) {
        if (share_number(p->given[i]) == number) {
            FAIL(CONFLICT, "this share was given already");
        }
    }
    return OK_STATUS;
}

// The key from the shares given and `last`.
static struct status combine(const struct seal_progress *p, const struct secret *last,
                             struct secret **out_key)
{
    size_t count = p->count + 1;
    uint8_t numbers[SEAL_SHARES_MAX];
    struct secret *all CLEANUP(secret_cleanup) = secret_new(count * SEAL_KEY_BYTES);
    if (all == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    for (size_t i = 0; i < count; i++) {
        const struct secret *share = i < p->count ? p->given[i] : last;
        numbers[i] = (uint8_t)share_number(share);
        memcpy(secret_data(all) + i * SEAL_KEY_BYTES, share_key(share).ptr, SEAL_KEY_BYTES);
    }
    return split_combine(numbers, secret_view(all), count, out_key);
}

static struct status add(struct seal_progress *p, struct secret **share, struct secret **out_key)
{
    TRY(check_share(p, *share));
    if (p->count + 1 == (size_t)p->threshold) {
        TRY(combine(p, *share, out_key));
        forget(p);
        return OK_STATUS;
    }
    if (uuid_is_nil(p->nonce)) {
        p->nonce = uuid_new();
    }
    p->given[p->count++] = TAKE(*share);
    *out_key = NULL;
    return OK_STATUS;
}

struct status seal_progress_add(struct seal_progress *p, struct str share, struct secret **out_key)
{
    struct secret *decoded CLEANUP(secret_cleanup) = NULL;
    TRY(share_decode(share, &decoded));
    pthread_mutex_lock(&p->lock);
    struct status s = add(p, &decoded, out_key);
    pthread_mutex_unlock(&p->lock);
    return s;
}
