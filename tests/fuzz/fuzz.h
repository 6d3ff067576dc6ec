// SPDX-License-Identifier: ISC
// What fuzz targets share. A target is one function from octets to nothing that must not crash,
// leak, or break an invariant that it states with REQUIRE.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/limits.h"
#include "vault/base/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The text up to the next NUL, which is dropped; the rest stays in `*rest`.
static inline struct str fuzz_take_text(struct str *rest)
{
    struct str head;
    str_split(*rest, '\0', &head, rest);
    return head;
}

// Splits the input at its first NUL: `head` before, `rest` after.
static inline struct str fuzz_split(const uint8_t *data, size_t size, struct str *rest)
{
    *rest = (struct str){(const char *)data, size};
    return fuzz_take_text(rest);
}

// The next octet, 0 when none is left.
static inline uint8_t fuzz_take_octet(struct bytes *rest)
{
    if (rest->len == 0) {
        return 0;
    }
    uint8_t octet = rest->ptr[0];
    *rest = (struct bytes){rest->ptr + 1, rest->len - 1};
    return octet;
}

// For what uses struct secret.
static inline void fuzz_secret_memory(void)
{
    static bool ready;
    if (!ready) {
        REQUIRE(status_ok(secret_system_init(true)));
        ready = true;
    }
}
