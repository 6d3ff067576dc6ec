// SPDX-License-Identifier: ISC
#include "vault/seal/share.h"

#include <assert.h>
#include <string.h>

#include "vault/base/digest.h"
#include "vault/crypto/encoding.h"
#include "vault/crypto/hash.h"

enum {
    VERSION = 1,
    SET_ID_AT = 1,
    NUMBER_AT = SET_ID_AT + SEAL_SET_ID_BYTES,
    KEY_AT = NUMBER_AT + 1,
    CHECKSUM_AT = KEY_AT + SEAL_KEY_BYTES,
    CHECKSUM_BYTES = 4,
};
static_assert(CHECKSUM_AT + CHECKSUM_BYTES == (int)SHARE_BYTES);
static_assert(SEAL_DIGEST_BYTES == (int)DIGEST_BYTES);

static struct bytes part(const struct secret *share, size_t at, size_t len)
{
    REQUIRE(secret_len(share) == SHARE_BYTES);
    return (struct bytes){secret_view(share).ptr + at, len};
}

struct status share_encode(const uint8_t set_id[SEAL_SET_ID_BYTES], int number, struct bytes key,
                           struct secret **out)
{
    REQUIRE(number >= 1 && number <= SEAL_SHARES_MAX && key.len == SEAL_KEY_BYTES);
    struct secret *share = secret_new(SHARE_BYTES);
    if (share == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    uint8_t *at = secret_data(share);
    at[0] = VERSION;
    memcpy(at + SET_ID_AT, set_id, SEAL_SET_ID_BYTES);
    at[NUMBER_AT] = (uint8_t)number;
    memcpy(at + KEY_AT, key.ptr, SEAL_KEY_BYTES);
    struct digest sum = digest_of(part(share, 0, CHECKSUM_AT));
    memcpy(at + CHECKSUM_AT, sum.octets, CHECKSUM_BYTES);
    *out = share;
    return OK_STATUS;
}

static struct status from_text(struct str text, struct secret **out)
{
    struct secret *share CLEANUP(secret_cleanup) = NULL;
    struct status s = text.len == (size_t)SHARE_BYTES * 2 ? encoding_from_hex(text, &share)
                                                          : encoding_from_base64(text, &share);
    if (s.code == STATUS_INVALID || (status_ok(s) && secret_len(share) != SHARE_BYTES)) {
        FAIL(INVALID, "a share is 92 hexadecimal digits or 64 characters of base64");
    }
    TRY(s);
    *out = TAKE(share);
    return OK_STATUS;
}

struct status share_decode(struct str text, struct secret **out)
{
    struct secret *share CLEANUP(secret_cleanup) = NULL;
    TRY(from_text(str_trim(text), &share));
    struct digest sum = digest_of(part(share, 0, CHECKSUM_AT));
    if (!hash_equal((struct bytes){sum.octets, CHECKSUM_BYTES},
                    part(share, CHECKSUM_AT, CHECKSUM_BYTES))) {
        FAIL(INVALID, "the share's checksum is wrong: look for a typing error");
    }
    if (secret_view(share).ptr[0] != VERSION) {
        FAIL(INVALID, "the share is of a version that this program doesn't know");
    }
    if (share_number(share) == 0) {
        FAIL(INVALID, "there is no share number 0");
    }
    *out = TAKE(share);
    return OK_STATUS;
}

struct bytes share_set_id(const struct secret *share)
{
    return part(share, SET_ID_AT, SEAL_SET_ID_BYTES);
}

int share_number(const struct secret *share)
{
    return part(share, NUMBER_AT, 1).ptr[0];
}

struct bytes share_key(const struct secret *share)
{
    return part(share, KEY_AT, SEAL_KEY_BYTES);
}

void share_digest(const struct secret *share, uint8_t out[SEAL_DIGEST_BYTES])
{
    struct digest d = digest_of(part(share, 0, SHARE_BYTES));
    memcpy(out, d.octets, SEAL_DIGEST_BYTES);
}

struct status share_to_hex(const struct secret *share, struct secret **out)
{
    return encoding_to_hex(part(share, 0, SHARE_BYTES), out);
}

struct status share_to_base64(const struct secret *share, struct secret **out)
{
    return encoding_to_base64(part(share, 0, SHARE_BYTES), out);
}
