// SPDX-License-Identifier: ISC
// Input: a CIDR block and a client's address, with a NUL between them.
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vault/core/address.h"

static bool is_written_plainly(struct str cidr)
{
    for (size_t i = 0; i < cidr.len; i++) {
        if (cidr.ptr[i] == '\0' || strchr("0123456789abcdefABCDEF.:/", cidr.ptr[i]) == NULL) {
            return false;
        }
    }
    return cidr.len > 0;
}

static bool holds(struct str cidr, struct str remote)
{
    return address_in_cidrs(remote, &cidr, 1);
}

// The block's own address, as a client that connects from there.
static struct str own_address(struct arena *arena, struct str cidr)
{
    struct str host;
    struct str length;
    struct str remote;
    str_split(cidr, '/', &host, &length);
    bool v6 = memchr(host.ptr, ':', host.len) != NULL;
    REQUIRE(
        status_ok(arena_printf(arena, &remote, v6 ? "[%.*s]:5000" : "%.*s:5000", STR_ARG(host))));
    return remote;
}

// A shorter prefix takes in at least the same.
static void check_wider(struct arena *arena, struct str cidr, struct str remote)
{
    struct str host;
    struct str length;
    int64_t bits;
    if (!str_split(cidr, '/', &host, &length) || !status_ok(str_parse_int(length, &bits)) ||
        bits == 0) {
        return;
    }
    struct str wider;
    REQUIRE(status_ok(arena_printf(arena, &wider, "%.*s/%d", STR_ARG(host), (int)bits - 1)));
    REQUIRE(status_ok(address_check_cidr(wider)));
    REQUIRE(!holds(cidr, remote) || holds(wider, remote));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct str remote;
    struct str cidr = fuzz_split(data, size, &remote);
    if (!status_ok(address_check_cidr(cidr))) {
        REQUIRE(!holds(cidr, remote));
        // A NUL cuts nothing off.
        REQUIRE(!status_ok(address_check_cidr((struct str){(const char *)data, size})));
        return 0;
    }
    REQUIRE(is_written_plainly(cidr));
    REQUIRE(holds(cidr, own_address(arena, cidr)));
    REQUIRE(!holds(cidr, STR("unix:uid=0")));
    check_wider(arena, cidr, remote);
    if (cidr.len < size) {
        REQUIRE(!status_ok(address_check_cidr((struct str){(const char *)data, size})));
    }
    return 0;
}
