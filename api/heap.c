// SPDX-License-Identifier: ISC
#include "api/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/sanitizer.h"

enum { KEPT_BYTES = 4 * 1024 * 1024, MAPPED_BYTES = 1024 * 1024 };

void heap_tune(void)
{
    // The second is set because the first switches off its adjustment.
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

#if defined(__GLIBC__) && !SANITIZED

// Exported by glibc for those who put something before them.
void __libc_free(void *ptr);

void free(void *ptr)
{
    if (ptr != NULL) {
        int error = errno; // free() leaves it alone since POSIX.1-2024
        memset(ptr, 0, malloc_usable_size(ptr));
        __libc_free(ptr);
        errno = error;
    }
}

// Never grown in place, because a block that was left behind has to be overwritten. A block that
// shrinks by less than half stays, and its rest is overwritten when it is freed.
void *realloc(void *ptr, size_t size)
{
    if (ptr == NULL) {
        return malloc(size);
    }
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    size_t old = malloc_usable_size(ptr);
    if (size <= old && size >= old / 2) {
        return ptr;
    }
    void *moved = malloc(size);
    if (moved != NULL) {
        memcpy(moved, ptr, old < size ? old : size);
        free(ptr);
    }
    return moved;
}

#endif
