// SPDX-License-Identifier: ISC
#include "vault/crypto/audit_hmac.h"

#include <sodium.h>
#include <string.h>

#include "vault/crypto/hash.h"
#include "vault/crypto/kdf.h"
#include "vault/crypto/keyring_keys.h"
#include "vault/crypto/pack.h"

static const char prefix[] = "hmac-sha256:";

struct status audit_hmac(const struct keyring *k, int64_t namespace_id, struct str field,
                         struct bytes value, char out[AUDIT_HMAC_TEXT_BYTES])
{
    struct bytes key;
    TRY(keyring_use_key(k, KEYRING_USE_AUDIT_HMAC, &key));
    struct pack where;
    pack_init(&where, "audit");
    pack_int(&where, namespace_id);
    // Two steps, because a field's name may be of any length.
    uint8_t namespace_key[KDF_KEY_BYTES];
    uint8_t field_key[KDF_KEY_BYTES];
    uint8_t mac[HASH_BYTES];
    kdf_derive(key, "audit namespace", pack_view(&where), namespace_key);
    kdf_derive(BYTES_OF(namespace_key), "audit field", bytes_from_str(field), field_key);
    hash_hmac_sha256(BYTES_OF(field_key), value, mac);
    sodium_memzero(namespace_key, sizeof namespace_key);
    sodium_memzero(field_key, sizeof field_key);
    memcpy(out, prefix, sizeof prefix - 1);
    bytes_to_hex(BYTES_OF(mac), out + sizeof prefix - 1);
    return OK_STATUS;
}
