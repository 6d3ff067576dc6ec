// SPDX-License-Identifier: ISC
#include "vault/notify/signing_keys.h"

#include <string.h>

#include "vault/base/buffer.h"
#include "vault/crypto/encoding.h"

enum { KEY_TEXT_BYTES = 256 };

#define KEY_PREFIX STR("whsec_")

// Longer than any key, so that its length tells it from one.
struct packed_key {
    uint8_t len;
    uint8_t octets[SIGNING_KEY_MAX_BYTES];
};
struct packed {
    uint8_t old_until_us[8]; // big-endian
    struct packed_key key;
    struct packed_key old;
};
_Static_assert(sizeof(struct packed) == 8 + 2 * (1 + SIGNING_KEY_MAX_BYTES), "no padding");

static void pack_key(struct bytes key, struct packed_key *out)
{
    REQUIRE(key.len <= SIGNING_KEY_MAX_BYTES);
    out->len = (uint8_t)key.len;
    memcpy(out->octets, key.ptr, key.len);
}

struct status signing_keys_pack(const struct signing_keys *keys, struct secret **out)
{
    if (keys->old.len == 0) {
        return secret_copy(keys->key, out);
    }
    struct secret *s = secret_new(sizeof(struct packed));
    if (s == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct packed *p = (struct packed *)secret_data(s);
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < sizeof p->old_until_us; i++) {
        p->old_until_us[i] = (uint8_t)((uint64_t)keys->old_until_us >> (56 - 8 * i));
    }
    pack_key(keys->key, &p->key);
    pack_key(keys->old, &p->old);
    *out = s;
    return OK_STATUS;
}

static bool is_key(size_t len)
{
    return len >= SIGNING_KEY_MIN_BYTES && len <= SIGNING_KEY_MAX_BYTES;
}

struct status signing_keys_unpack(const struct secret *packed, struct signing_keys *out)
{
    struct bytes all = secret_view(packed);
    if (is_key(all.len)) {
        *out = (struct signing_keys){.key = all};
        return OK_STATUS;
    }
    const struct packed *p = (const struct packed *)all.ptr;
    if (all.len != sizeof *p || !is_key(p->key.len) || !is_key(p->old.len)) {
        FAIL(INTEGRITY, "a notifier's signing key is of no known form");
    }
    uint64_t until_us = 0;
    for (size_t i = 0; i < sizeof p->old_until_us; i++) {
        until_us = until_us << 8 | p->old_until_us[i];
    }
    *out = (struct signing_keys){.key = {p->key.octets, p->key.len},
                                 .old = {p->old.octets, p->old.len},
                                 .old_until_us = (int64_t)until_us};
    return OK_STATUS;
}

struct status signing_key_show(struct bytes key, struct arena *arena, struct str *out)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, KEY_TEXT_BYTES);
    buffer_append_str(&text, KEY_PREFIX);
    buffer_append_base64(&text, key);
    TRY(buffer_status(&text));
    return arena_copy_str(arena, buffer_str(&text), out);
}

struct status signing_key_read(struct str text, struct secret **out)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    if (!str_starts_with(text, KEY_PREFIX) || text.len > KEY_TEXT_BYTES) {
        FAIL(INVALID, "a signing key is whsec_ and 24 to 64 octets in base64");
    }
    TRY(encoding_from_base64(str_skip(text, KEY_PREFIX.len), &key));
    if (!is_key(secret_len(key))) {
        FAIL(INVALID, "a signing key is whsec_ and 24 to 64 octets in base64");
    }
    *out = TAKE(key);
    return OK_STATUS;
}
