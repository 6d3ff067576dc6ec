// SPDX-License-Identifier: ISC
#include "vault/crypto/pack.h"

#include <string.h>

#include "vault/base/macros.h"

static void put(struct pack *p, struct bytes b)
{
    REQUIRE(b.len <= PACK_BYTES - p->len);
    if (b.len > 0) {
        memcpy(p->octets + p->len, b.ptr, b.len);
        p->len += b.len;
    }
}

void pack_int(struct pack *p, int64_t value)
{
    uint8_t big_endian[8];
    for (int i = 0; i < 8; i++) {
        big_endian[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    }
    put(p, BYTES_OF(big_endian));
}

void pack_bytes(struct pack *p, struct bytes b)
{
    pack_int(p, (int64_t)b.len);
    put(p, b);
}

void pack_c(struct pack *p, const char *text)
{
    pack_bytes(p, bytes_from_str(str_from_c(text)));
}

void pack_uuid(struct pack *p, struct uuid id)
{
    put(p, BYTES_OF(id.octets));
}

void pack_init(struct pack *p, const char *label)
{
    p->len = 0;
    pack_c(p, label);
}

struct bytes pack_view(const struct pack *p)
{
    return (struct bytes){p->octets, p->len};
}
