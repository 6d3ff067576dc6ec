// SPDX-License-Identifier: ISC
// Failing the n-th allocation, for all n. A test that links allocation.c gets malloc(), calloc(),
// realloc(), posix_memalign(), aligned_alloc() and mmap() of its own, which do what they always do
// until a test arms them for its thread.
#pragma once

#include "vault/base/status.h"

// One whole operation: makes what it needs, checks what it did, releases everything. It is run
// again and again, so whatever lives longer (in `ctx`) has to stay usable after a failure.
typedef struct status allocation_operation(void *ctx);

// Runs the operation with its first allocation failing, then with its second, and so on until no
// allocation is left to fail. Each of these must end with NOMEM and have released what it had
// allocated; the last must be OK.
void allocation_fail_each(allocation_operation *operation, void *ctx);

// The same where some failures are taken care of: then OK is fine too, and whatever `ctx` keeps may
// stay allocated.
void allocation_fail_each_tolerant(allocation_operation *operation, void *ctx);
