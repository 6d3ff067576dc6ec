// SPDX-License-Identifier: ISC
// What fuzz targets share. A target is one function from octets to nothing that must not crash,
// leak, or break an invariant that it states with REQUIRE.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Splits the input at its first NUL: `head` before, `rest` after.
static inline struct str fuzz_split(const uint8_t *data, size_t size, struct str *rest)
{
    struct str head;
    str_split((struct str){(const char *)data, size}, '\0', &head, rest);
    return head;
}
