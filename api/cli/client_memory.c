// SPDX-License-Identifier: ISC
#include "api/cli/client_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/macros.h"

// libcurl's memory holds tokens, URLs and answers: each block remembers its size, so that it can
// be wiped when it goes.
struct block {
    _Alignas(max_align_t) size_t size;
    _Alignas(max_align_t) unsigned char data[];
};

void *cli_wiping_malloc(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block)) {
        return NULL;
    }
    struct block *b = malloc(sizeof *b + size);
    if (b == NULL) {
        return NULL;
    }
    b->size = size;
    // lint: allow(analyzer) the caller gets what is behind its header
    return b->data;
}

void cli_wiping_free(void *ptr)
{
    if (ptr != NULL) {
        struct block *b = CONTAINER_OF(ptr, struct block, data);
        explicit_bzero(b->data, b->size);
        free(b);
    }
}

void *cli_wiping_realloc(void *ptr, size_t size)
{
    void *fresh = cli_wiping_malloc(size);
    if (ptr != NULL && fresh != NULL) {
        const struct block *old = CONTAINER_OF(ptr, struct block, data);
        memcpy(fresh, old->data, old->size < size ? old->size : size);
        cli_wiping_free(ptr);
    }
    return fresh;
}

void *cli_wiping_calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *fresh = cli_wiping_malloc(total);
    if (fresh != NULL) {
        memset(fresh, 0, total);
    }
    return fresh;
}

char *cli_wiping_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = cli_wiping_malloc(size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}
