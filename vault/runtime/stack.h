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
// The same for a stack of which nothing below its top STACK_KEPT_BYTES was touched since it was
// mapped or wiped.
void stack_wipe_top(const struct stack *s);
// How many pages the calling thread has had faulted in so far. A thread for which it hasn't changed
// has touched no page that wasn't there: nothing below the top of a stack that had been wiped.
int64_t stack_faults(void);

enum { STACK_KEPT_BYTES = 12 * 1024 };
