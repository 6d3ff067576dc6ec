// SPDX-License-Identifier: ISC
// The unseal key (or the recovery key) is random and exists only as shares.
#include "vault/crypto/random.h"
#include "vault/seal/seal.h"
#include "vault/seal/share.h"
#include "vault/seal/split.h"

static struct status add_share(struct seal_config *config, int number, struct bytes key,
                               struct seal_shares *out)
{
    struct secret *share = NULL;
    uint8_t digest[SEAL_DIGEST_BYTES];
    TRY(share_encode(config->set_id, number, key, &share));
    out->share[out->count++] = share;
    share_digest(share, digest);
    buffer_append(&config->share_digests, BYTES_OF(digest));
    return buffer_status(&config->share_digests);
}

static struct status make_shared_key(enum seal_type type, const struct seal_options *options,
                                     struct seal_config *config, struct secret **out_key,
                                     struct seal_shares *out_shares)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct secret *split CLEANUP(secret_cleanup) = NULL;
    TRY(secret_random(SEAL_KEY_BYTES, &key));
    TRY(split_key(key, options->shares, options->threshold, &split));
    config->type = type;
    config->shares = options->shares;
    config->threshold = options->threshold;
    random_fill(config->set_id, sizeof config->set_id);
    for (int i = 0; i < options->shares; i++) {
        struct bytes one = {secret_view(split).ptr + i * SEAL_KEY_BYTES, SEAL_KEY_BYTES};
        TRY(add_share(config, i + 1, one, out_shares));
    }
    *out_key = TAKE(key);
    return OK_STATUS;
}

static struct status shamir_make_key(const struct seal_options *options, struct seal_config *config,
                                     struct secret **out_key, struct seal_shares *out_shares)
{
    return make_shared_key(SEAL_SHAMIR, options, config, out_key, out_shares);
}

static struct status recovery_make_key(const struct seal_options *options,
                                       struct seal_config *config, struct secret **out_key,
                                       struct seal_shares *out_shares)
{
    return make_shared_key(SEAL_RECOVERY, options, config, out_key, out_shares);
}

static struct status find_no_key(const struct seal_options *options,
                                 const struct seal_config *config, struct secret **out_key,
                                 bool *out_is_previous)
{
    (void)options;
    (void)config;
    (void)out_key;
    (void)out_is_previous;
    FAIL(SEALED, "operators must give their shares");
}

const struct seal_ops seal_shamir_ops = {
    .type = SEAL_SHAMIR,
    .name = "shamir",
    .needs_shares = true,
    .make_key = shamir_make_key,
    .find_key = find_no_key,
};

const struct seal_ops seal_recovery_ops = {
    .type = SEAL_RECOVERY,
    .name = "recovery",
    .needs_shares = true,
    .make_key = recovery_make_key,
    .find_key = find_no_key,
};
