// SPDX-License-Identifier: ISC
// Memory of one request: allocate freely, release at once. All of it is wiped on release.
#pragma once

#include "vault/base/bytes.h"
#include "vault/base/macros.h"

struct arena;

void arena_free(struct arena *a); // NULL is fine
// `max_bytes` bounds the sum of all allocations. NULL when memory is short.
struct arena *arena_new(size_t max_bytes) OWNED_BY(arena_free);

// Empty again, wiped: for the next user of the same maximum. Keeps its first few kilobytes.
void arena_reset(struct arena *a);

// Zeroed memory aligned for any type; NULL when memory is short or the maximum is reached.
void *arena_alloc(struct arena *a, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_alloc_array((a), (count), sizeof(type)))
void *arena_alloc_array(struct arena *a, size_t count, size_t size); // NULL on overflow too

// Copies; a NUL follows the copy, so that `ptr` is a C string too. NOMEM.
struct status arena_copy_str(struct arena *a, struct str s, struct str *out);
struct status arena_copy_bytes(struct arena *a, struct bytes b, struct bytes *out);
// printf into the arena. NOMEM.
struct status arena_printf(struct arena *a, struct str *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void arena_cleanup(struct arena **a); // for CLEANUP
