// SPDX-License-Identifier: ISC
// The unseal key lies on the machine, so the vault starts without anybody. To change it, name the
// new one as the key and the old one as its predecessor; the vault opens with the predecessor, and
// seals anew with the key.
#include <string.h>

#include "vault/crypto/hash.h"
#include "vault/crypto/kdf.h"
#include "vault/crypto/random.h"
#include "vault/seal/key_file.h"
#include "vault/seal/seal.h"

// Tells keys apart without saying anything about them.
static void key_id_of(const struct secret *key, uint8_t out[SEAL_KEY_ID_BYTES])
{
    uint8_t id[KDF_KEY_BYTES];
    kdf_derive(secret_view(key), "static seal key id", (struct bytes){NULL, 0}, id);
    memcpy(out, id, SEAL_KEY_ID_BYTES);
}

static struct status make_key(const struct seal_options *options, struct seal_config *config,
                              struct secret **out_key, struct seal_shares *out_shares)
{
    (void)out_shares; // there are none
    struct secret *key = NULL;
    TRY(key_file_read(&options->key, &key));
    config->type = SEAL_STATIC;
    key_id_of(key, config->key_id);
    random_fill(config->set_id, sizeof config->set_id);
    *out_key = key;
    return OK_STATUS;
}

// DENIED when the place holds another key than the one that `config` names.
static struct status read_named_key(const struct seal_key_place *place,
                                    const struct seal_config *config, struct secret **out_key)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    uint8_t id[SEAL_KEY_ID_BYTES];
    TRY(key_file_read(place, &key));
    key_id_of(key, id);
    if (!hash_equal(BYTES_OF(id), BYTES_OF(config->key_id))) {
        FAIL(DENIED, "the static key isn't the one that the vault was sealed with");
    }
    *out_key = TAKE(key);
    return OK_STATUS;
}

static struct status find_key(const struct seal_options *options, const struct seal_config *config,
                              struct secret **out_key, bool *out_is_previous)
{
    struct status s = read_named_key(&options->key, config, out_key);
    bool is_previous = s.code == STATUS_DENIED && key_file_is_given(&options->previous);
    if (is_previous) {
        s = read_named_key(&options->previous, config, out_key);
    }
    TRY(s);
    *out_is_previous = is_previous;
    return OK_STATUS;
}

const struct seal_ops seal_static_ops = {
    .type = SEAL_STATIC,
    .name = "static",
    .needs_shares = false,
    .make_key = make_key,
    .find_key = find_key,
};
