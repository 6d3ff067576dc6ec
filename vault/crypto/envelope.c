// SPDX-License-Identifier: ISC
#include "vault/crypto/envelope.h"

#include "vault/crypto/keyring_keys.h"
#include "vault/crypto/pack.h"

static struct pack associated(const struct envelope_binding *b, int64_t epoch)
{
    struct pack p;
    pack_init(&p, "rotunda value");
    pack_int(&p, b->namespace_id);
    pack_uuid(&p, b->mount);
    pack_c(&p, b->table);
    pack_c(&p, b->column);
    pack_uuid(&p, b->row);
    pack_int(&p, b->version);
    pack_int(&p, epoch);
    return p;
}

struct status envelope_seal(const struct keyring *k, const struct envelope_binding *binding,
                            struct bytes plaintext, struct buffer *out, int64_t *out_epoch)
{
    struct bytes key;
    int64_t epoch = 0;
    TRY(keyring_active_key(k, binding->namespace_id, &epoch, &key));
    struct pack p = associated(binding, epoch);
    TRY(aead_seal(key, pack_view(&p), plaintext, out));
    keyring_count_seals(k, binding->namespace_id, epoch, 1);
    *out_epoch = epoch;
    return OK_STATUS;
}

struct status envelope_open(const struct keyring *k, int64_t epoch,
                            const struct envelope_binding *binding, struct bytes ciphertext,
                            struct secret **out)
{
    struct bytes key;
    TRY(keyring_data_key(k, binding->namespace_id, epoch, &key));
    struct pack p = associated(binding, epoch);
    return aead_open(key, pack_view(&p), ciphertext, out);
}

struct status envelope_open_in(const struct keyring *k, int64_t epoch,
                               const struct envelope_binding *binding, struct bytes ciphertext,
                               struct arena *memory, struct bytes *out)
{
    struct bytes key;
    TRY(keyring_data_key(k, binding->namespace_id, epoch, &key));
    struct pack p = associated(binding, epoch);
    return aead_open_in(key, pack_view(&p), ciphertext, memory, out);
}
