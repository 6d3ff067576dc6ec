// SPDX-License-Identifier: ISC
#include "vault/seal/seal.h"

#include <assert.h>

#include "vault/base/digest.h"
#include "vault/crypto/aead.h"
#include "vault/crypto/pack.h"

static_assert(SEAL_WRAPPED_ROOT_BYTES == SEAL_KEY_BYTES + (int)AEAD_OVERHEAD_BYTES);

static const struct seal_ops *const all_ops[] = {
    &seal_shamir_ops,
    &seal_static_ops,
    &seal_recovery_ops,
};

void seal_config_init(struct seal_config *c)
{
    *c = (struct seal_config){0};
    buffer_init(&c->share_digests, (size_t)SEAL_SHARES_MAX * SEAL_DIGEST_BYTES);
}

void seal_config_done(struct seal_config *c)
{
    buffer_done(&c->share_digests);
}

void seal_shares_done(struct seal_shares *s)
{
    for (size_t i = 0; i < s->count; i++) {
        secret_free(s->share[i]);
    }
    *s = (struct seal_shares){0};
}

const struct seal_ops *seal_ops_of(enum seal_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(all_ops); i++) {
        if (all_ops[i]->type == type) {
            return all_ops[i];
        }
    }
    return NULL;
}

const struct seal_ops *seal_ops_named(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(all_ops); i++) {
        if (all_ops[i]->type != SEAL_RECOVERY && str_equal_c(name, all_ops[i]->name)) {
            return all_ops[i];
        }
    }
    return NULL;
}

// Every field but the wrapped key itself: who changes one in the database (a lower threshold, other
// digests) makes the vault fail to open, rather than open on easier terms.
static struct pack context_of(const struct seal_config *c)
{
    struct digest digests = digest_of(buffer_bytes(&c->share_digests));
    struct pack p;
    pack_init(&p, "rotunda seal");
    pack_int(&p, c->type);
    pack_int(&p, c->shares);
    pack_int(&p, c->threshold);
    pack_bytes(&p, BYTES_OF(c->set_id));
    pack_bytes(&p, BYTES_OF(c->key_id));
    pack_bytes(&p, digest_bytes(&digests));
    return p;
}

struct status seal_unwrap_root(const struct seal_config *config, const struct secret *unseal_key,
                               struct secret **out_root_key)
{
    if (secret_len(unseal_key) != SEAL_KEY_BYTES) {
        FAIL(INTEGRITY, "the unseal key has a wrong length");
    }
    struct pack context = context_of(config);
    struct status s = aead_open(secret_view(unseal_key), pack_view(&context),
                                BYTES_OF(config->wrapped_root_key), out_root_key);
    if (s.code == STATUS_INTEGRITY) {
        FAIL(INTEGRITY, "the unseal key doesn't fit, or the stored seal was altered");
    }
    return s;
}

static struct status wrap_root(const struct secret *unseal_key, const struct secret *root_key,
                               struct seal_config *config)
{
    struct pack context = context_of(config);
    aead_seal_to(secret_view(unseal_key), pack_view(&context), secret_view(root_key),
                 config->wrapped_root_key);
    struct secret *again CLEANUP(secret_cleanup) = NULL;
    TRY(seal_unwrap_root(config, unseal_key, &again));
    if (!secret_equal(again, root_key)) {
        FAIL(INTERNAL, "the seal doesn't give the root key back");
    }
    return OK_STATUS;
}

struct status seal_init(const struct seal_ops *ops, const struct seal_options *options,
                        const struct secret *root_key, struct seal_config *out_config,
                        struct seal_shares *out_shares)
{
    REQUIRE(secret_len(root_key) == SEAL_KEY_BYTES);
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct status s = ops->make_key(options, out_config, &key, out_shares);
    if (status_ok(s)) {
        s = wrap_root(key, root_key, out_config);
    }
    if (!status_ok(s)) {
        seal_config_done(out_config);
        seal_shares_done(out_shares);
    }
    return s;
}

struct status seal_open_root(const struct seal_options *options, const struct seal_config *config,
                             struct secret **out_root_key, bool *out_is_previous)
{
    const struct seal_ops *ops = seal_ops_of(config->type);
    if (ops == NULL) {
        FAIL(INTEGRITY, "the stored seal is of an unknown type");
    }
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    bool is_previous = false;
    TRY(ops->find_key(options, config, &key, &is_previous));
    TRY(seal_unwrap_root(config, key, out_root_key));
    *out_is_previous = is_previous;
    return OK_STATUS;
}
