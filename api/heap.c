// SPDX-License-Identifier: ISC
#include "api/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 4 * 1024 * 1024, MAPPED_BYTES = 1024 * 1024 };

void heap_setup(void)
{
    // The second is set because the first switches off its adjustment.
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// Exported by glibc for those who put something before them.
void __libc_free(void *block);

void free(void *block)
{
    if (block != NULL) {
        int error = errno; // free() leaves it alone since POSIX.1-2024
        memset(block, 0, malloc_usable_size(block));
        __libc_free(block);
        errno = error;
    }
}

// Never in place, because a block that was left behind has to be overwritten.
void *realloc(void *block, size_t size)
{
    if (block == NULL) {
        return malloc(size);
    }
    if (size == 0) {
        free(block);
        return NULL;
    }
    size_t old = malloc_usable_size(block);
    if (size <= old && size >= old / 2) {
        return block;
    }
    void *moved = malloc(size);
    if (moved != NULL) {
        memcpy(moved, block, old < size ? old : size);
        free(block);
    }
    return moved;
}

#endif
