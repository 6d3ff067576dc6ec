// SPDX-License-Identifier: ISC
// Memory that a context runs on: mapped on its own above a guard area, left out of core dumps,
// known to LeakSanitizer and valgrind.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vault/base/status.h"

struct stack {
    uint8_t *bottom; // lowest usable address; the guard lies below
    size_t size_bytes;
    unsigned valgrind_id; // private
};

// Zeroed memory. `size_bytes` is a multiple of 64 KiB. NOMEM, also when the process has too many
// mappings (two are needed; vm.max_map_count).
struct status stack_map(size_t size_bytes, struct stack *out);
void stack_unmap(struct stack *s); // harmless on a zero-initialised one
// Nothing may run on it. Afterwards it reads as zeros and holds STACK_KEPT_BYTES at most.
void stack_wipe(const struct stack *s);

enum { STACK_KEPT_BYTES = 32 * 1024 };
