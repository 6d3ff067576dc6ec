// SPDX-License-Identifier: ISC
#include "vault/base/digest.h"

#include <sodium.h>

struct digest digest_of(struct bytes data)
{
    struct digest d;
    crypto_generichash(d.octets, sizeof d.octets, data.ptr, data.len, NULL, 0);
    return d;
}

bool digest_equal(struct digest a, struct digest b)
{
    return sodium_memcmp(a.octets, b.octets, sizeof a.octets) == 0;
}

struct bytes digest_bytes(const struct digest *d)
{
    return (struct bytes){d->octets, sizeof d->octets};
}

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(((struct digest_stream *)0)->state),
               "digest_stream has room for libsodium's state");

static crypto_generichash_state *state_of(struct digest_stream *d)
{
    return (crypto_generichash_state *)(void *)d->state;
}

static void add_tagged(struct digest_stream *d, char tag, uint64_t number)
{
    uint8_t head[9];
    head[0] = (uint8_t)tag;
    for (size_t i = 0; i < 8; i++) {
        head[1 + i] = (uint8_t)(number >> (8 * i));
    }
    crypto_generichash_update(state_of(d), head, sizeof head);
}

void digest_begin(struct digest_stream *d, const char *purpose)
{
    crypto_generichash_init(state_of(d), NULL, 0, DIGEST_BYTES);
    digest_add_str(d, str_from_c(purpose));
}

void digest_add_int(struct digest_stream *d, int64_t value)
{
    add_tagged(d, 'i', (uint64_t)value);
}

void digest_add_bytes(struct digest_stream *d, struct bytes value)
{
    add_tagged(d, 'b', value.len);
    if (value.len > 0) {
        crypto_generichash_update(state_of(d), value.ptr, value.len);
    }
}

void digest_add_str(struct digest_stream *d, struct str value)
{
    digest_add_bytes(d, bytes_from_str(value));
}

struct digest digest_finish(struct digest_stream *d)
{
    struct digest out;
    crypto_generichash_final(state_of(d), out.octets, sizeof out.octets);
    return out;
}
