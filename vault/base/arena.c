// SPDX-License-Identifier: ISC
#include "vault/base/arena.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_FIRST_CHUNK = 4096, ARENA_ALIGN = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

struct arena {
    struct arena_chunk *chunks; // newest first
    size_t total;               // allocated so far, in chunks
    size_t max;
};

static struct arena_chunk *chunk_new(size_t size)
{
    struct arena_chunk *c = malloc(sizeof *c + size);
    if (c != NULL) {
        c->next = NULL;
        c->used = 0;
        c->size = size;
    }
    return c;
}

struct arena *arena_new(size_t max_bytes)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a != NULL) {
        a->max = max_bytes;
    }
    return a;
}

// Wiped; returns the one before it.
static struct arena_chunk *chunk_free(struct arena_chunk *c)
{
    struct arena_chunk *next = c->next;
    sodium_memzero(c->data, c->used);
    free(c);
    return next;
}

void arena_free(struct arena *a)
{
    if (a == NULL) {
        return;
    }
    // lint: allow(analyzer) gcc takes it for freed on entry
    while (a->chunks != NULL) {
        a->chunks = chunk_free(a->chunks);
    }
    free(a);
}

void arena_reset(struct arena *a)
{
    while (a->chunks != NULL && a->chunks->next != NULL) {
        a->chunks = chunk_free(a->chunks);
    }
    if (a->chunks != NULL && a->chunks->size > ARENA_FIRST_CHUNK) {
        a->chunks = chunk_free(a->chunks);
    }
    a->total = 0;
    if (a->chunks != NULL) {
        sodium_memzero(a->chunks->data, a->chunks->used);
        a->chunks->used = 0;
        a->total = a->chunks->size;
    }
}

void arena_cleanup(struct arena **a)
{
    arena_free(*a);
}

static bool add_chunk(struct arena *a, size_t needed)
{
    size_t size = a->chunks == NULL ? ARENA_FIRST_CHUNK : a->chunks->size * 2;
    if (size < needed) {
        size = needed;
    }
    if (size > a->max - a->total) {
        size = a->max - a->total;
    }
    if (size < needed) {
        return false;
    }
    struct arena_chunk *c = chunk_new(size);
    if (c == NULL) {
        return false;
    }
    c->next = a->chunks;
    a->chunks = c;
    a->total += size;
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > a->max) {
        return NULL;
    }
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (a->chunks == NULL || a->chunks->size - a->chunks->used < rounded) {
        if (!add_chunk(a, rounded)) {
            return NULL;
        }
    }
    struct arena_chunk *c = a->chunks;
    void *at = c->data + c->used;
    c->used += rounded;
    memset(at, 0, rounded);
    return at;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    return arena_alloc(a, total);
}

struct status arena_copy_bytes(struct arena *a, struct bytes b, struct bytes *out)
{
    uint8_t *copy = arena_alloc(a, b.len + 1);
    if (copy == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    if (b.len > 0) {
        memcpy(copy, b.ptr, b.len);
    }
    *out = (struct bytes){copy, b.len};
    return OK_STATUS;
}

struct status arena_copy_str(struct arena *a, struct str s, struct str *out)
{
    struct bytes copy;
    TRY(arena_copy_bytes(a, bytes_from_str(s), &copy));
    *out = str_from_bytes(copy);
    return OK_STATUS;
}

struct status arena_printf(struct arena *a, struct str *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (text == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    *out = (struct str){text, (size_t)len};
    return OK_STATUS;
}
