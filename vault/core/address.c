// SPDX-License-Identifier: ISC
#include "vault/core/address.h"

#include <arpa/inet.h>
#include <string.h>

// Both families as 16 octets: IPv4 is ::ffff:a.b.c.d.
struct address {
    uint8_t octets[16];
    bool v4;
};

enum { ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN };

static bool parse_address(struct str text, struct address *out)
{
    char copy[ADDRESS_TEXT_MAX];
    // inet_pton() would stop at a NUL.
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (inet_pton(AF_INET, copy, out->octets + 12) == 1) {
        memcpy(out->octets, mapped, sizeof mapped);
        out->v4 = true;
        return true;
    }
    if (inet_pton(AF_INET6, copy, out->octets) != 1) {
        return false;
    }
    out->v4 = bytes_equal((struct bytes){out->octets, sizeof mapped}, BYTES_OF(mapped));
    return true;
}

struct block {
    struct address address;
    int64_t bits; // of the 128
};

static struct status parse_block(struct str cidr, struct block *out)
{
    struct str host;
    struct str length;
    bool has_length = str_split(cidr, '/', &host, &length);
    if (!parse_address(host, &out->address)) {
        FAIL(INVALID, "expected an address or CIDR block such as 10.0.0.0/8");
    }
    int64_t width = out->address.v4 ? 32 : 128;
    int64_t bits = width;
    if (has_length && (str_starts_with(length, STR("-")) ||
                       !status_ok(str_parse_int(length, &bits)) || bits > width)) {
        FAIL(INVALID, "expected a prefix length that fits the address");
    }
    out->bits = 128 - width + bits;
    return OK_STATUS;
}

static bool block_holds(const struct block *b, const struct address *a)
{
    size_t whole = (size_t)b->bits / 8;
    if (!bytes_equal((struct bytes){b->address.octets, whole}, (struct bytes){a->octets, whole})) {
        return false;
    }
    unsigned rest = (unsigned)b->bits % 8;
    uint8_t mask = (uint8_t)(0xFF00u >> rest);
    return rest == 0 || (b->address.octets[whole] & mask) == (a->octets[whole] & mask);
}

// Without the port, and the brackets of IPv6.
static struct str host_of(struct str remote)
{
    struct str host;
    struct str rest;
    if (remote.len > 0 && remote.ptr[0] == '[') {
        str_split(str_skip(remote, 1), ']', &host, &rest);
    } else {
        str_split(remote, ':', &host, &rest);
    }
    return host;
}

bool address_in_cidrs(struct str remote, const struct str *cidrs, size_t count)
{
    struct address a;
    if (!parse_address(host_of(remote), &a)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct block b;
        if (status_ok(parse_block(cidrs[i], &b)) && block_holds(&b, &a)) {
            return true;
        }
    }
    return false;
}

struct status address_check_cidr(struct str cidr)
{
    struct block b;
    return parse_block(cidr, &b);
}
