// SPDX-License-Identifier: ISC
#include "vault/base/uuid.h"

#include <sodium.h>
#include <string.h>

#include "vault/base/clock.h"

struct uuid uuid_new(void)
{
    struct uuid u;
    randombytes_buf(u.octets, sizeof u.octets);
    uint64_t millis = (uint64_t)(clock_wall_us() / 1000);
    for (size_t i = 0; i < 6; i++) {
        u.octets[i] = (uint8_t)(millis >> (40 - 8 * i));
    }
    u.octets[6] = (uint8_t)(0x70 | (u.octets[6] & 0x0F));
    u.octets[8] = (uint8_t)(0x80 | (u.octets[8] & 0x3F));
    return u;
}

bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(a.octets, b.octets, sizeof a.octets) == 0;
}

bool uuid_is_nil(struct uuid u)
{
    return uuid_equal(u, (struct uuid){0});
}

static const size_t group_bytes[] = {4, 2, 2, 2, 6};

void uuid_format(struct uuid u, char out[UUID_TEXT_BYTES])
{
    size_t from = 0;
    for (size_t g = 0; g < sizeof group_bytes / sizeof group_bytes[0]; g++) {
        if (g > 0) {
            *out++ = '-';
        }
        bytes_to_hex((struct bytes){u.octets + from, group_bytes[g]}, out);
        out += 2 * group_bytes[g];
        from += group_bytes[g];
    }
}

struct status uuid_parse(struct str text, struct uuid *out)
{
    struct uuid u;
    size_t from = 0;
    for (size_t g = 0; g < sizeof group_bytes / sizeof group_bytes[0]; g++) {
        if (g > 0) {
            if (text.len == 0 || text.ptr[0] != '-') {
                FAIL(INVALID, "expected a UUID");
            }
            text = str_skip(text, 1);
        }
        size_t digits = 2 * group_bytes[g];
        TRY(bytes_from_hex(str_first(text, digits), u.octets + from, group_bytes[g]));
        text = str_skip(text, digits);
        from += group_bytes[g];
    }
    if (text.len != 0) {
        FAIL(INVALID, "expected a UUID");
    }
    *out = u;
    return OK_STATUS;
}

struct bytes uuid_bytes(const struct uuid *u)
{
    return (struct bytes){u->octets, sizeof u->octets};
}
