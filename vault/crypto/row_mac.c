// SPDX-License-Identifier: ISC
#include "vault/crypto/row_mac.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "vault/crypto/keyring_keys.h"

static_assert(ROW_MAC_STATE_BYTES == sizeof(crypto_generichash_blake2b_state));
static_assert(alignof(struct row_mac) >= alignof(crypto_generichash_blake2b_state));

enum field_type {
    FIELD_INT = 1,
    FIELD_BOOL = 2,
    FIELD_STR = 3,
    FIELD_BYTES = 4,
    FIELD_UUID = 5,
    FIELD_STRS = 6, // its number is the count of FIELD_STR that follow
};

static crypto_generichash_blake2b_state *state_of(struct row_mac *m)
{
    return (crypto_generichash_blake2b_state *)(void *)m->state;
}

// A field starts with its type and one number: the value itself, or the length of what follows.
static void add_head(struct row_mac *m, enum field_type type, uint64_t number)
{
    uint8_t head[9] = {(uint8_t)type};
    uint64_t big_endian = htobe64(number);
    memcpy(head + 1, &big_endian, sizeof big_endian);
    crypto_generichash_blake2b_update(state_of(m), head, sizeof head);
}

static void add_octets(struct row_mac *m, enum field_type type, struct bytes value)
{
    add_head(m, type, value.len);
    if (value.len > 0) {
        crypto_generichash_blake2b_update(state_of(m), value.ptr, value.len);
    }
}

struct status row_mac_begin(struct row_mac *m, const struct keyring *k, int64_t namespace_id,
                            const char *kind, struct uuid id, int64_t row_version)
{
    struct bytes key;
    TRY(keyring_use_key(k, KEYRING_USE_ROW_MAC, &key));
    crypto_generichash_blake2b_init(state_of(m), key.ptr, key.len, ROW_MAC_BYTES);
    row_mac_int(m, namespace_id);
    row_mac_str(m, str_from_c(kind));
    row_mac_uuid(m, id);
    row_mac_int(m, row_version);
    return OK_STATUS;
}

void row_mac_int(struct row_mac *m, int64_t value)
{
    add_head(m, FIELD_INT, (uint64_t)value);
}

void row_mac_bool(struct row_mac *m, bool value)
{
    add_head(m, FIELD_BOOL, value ? 1 : 0);
}

void row_mac_str(struct row_mac *m, struct str value)
{
    add_octets(m, FIELD_STR, bytes_from_str(value));
}

void row_mac_bytes(struct row_mac *m, struct bytes value)
{
    add_octets(m, FIELD_BYTES, value);
}

void row_mac_uuid(struct row_mac *m, struct uuid value)
{
    add_octets(m, FIELD_UUID, BYTES_OF(value.octets));
}

void row_mac_strs(struct row_mac *m, const struct str *values, size_t count)
{
    add_head(m, FIELD_STRS, count);
    for (size_t i = 0; i < count; i++) {
        row_mac_str(m, values[i]);
    }
}

void row_mac_finish(struct row_mac *m, uint8_t out[ROW_MAC_BYTES])
{
    crypto_generichash_blake2b_final(state_of(m), out, ROW_MAC_BYTES);
    sodium_memzero(m->state, sizeof m->state);
}

struct status row_mac_check(struct row_mac *m, struct bytes stored)
{
    uint8_t computed[ROW_MAC_BYTES];
    row_mac_finish(m, computed);
    if (stored.len != ROW_MAC_BYTES || sodium_memcmp(computed, stored.ptr, ROW_MAC_BYTES) != 0) {
        FAIL(INTEGRITY, "a row with authority was altered outside the vault");
    }
    return OK_STATUS;
}
