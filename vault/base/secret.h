// SPDX-License-Identifier: ISC
// Secret octets: the only type that may hold a key, password or token for longer than a call.
// Opaque on purpose: there is no print, no JSON and no conversion to text. Memory is locked against
// swap, left out of core dumps, wiped in forked children and wiped on release.
//
// Small secrets come from a locked slab, large ones from a mapping of their own; both are
// thread-safe. A long-lived key asks for secret_new_guarded(): libsodium memory with guard pages
// (16 KiB and about 30 µs each).
#pragma once

#include "vault/base/bytes.h"
#include "vault/base/macros.h"

struct secret;

// Locks the slab. Call once, before any secret exists, from the main thread.
// UNAVAILABLE when memory can't be locked (RLIMIT_MEMLOCK) and `allow_unlocked` is false.
struct status secret_system_init(bool allow_unlocked);

void secret_free(struct secret *s); // wipes; NULL is fine
// Zeroed; NULL when locked memory is short or `len` is above LIMIT_SECRET_BYTES.
struct secret *secret_new(size_t len) OWNED_BY(secret_free);
struct secret *secret_new_guarded(size_t len) OWNED_BY(secret_free);

// NOMEM.
struct status secret_copy(struct bytes from, struct secret **out);
struct status secret_random(size_t len, struct secret **out);

struct bytes secret_view(const struct secret *s); // lends; NULL gives the empty slice
uint8_t *secret_data(struct secret *s);           // lends for writing
size_t secret_len(const struct secret *s);
// Shortens it; the rest is wiped.
void secret_truncate(struct secret *s, size_t len);

// Constant time for equal lengths; lengths themselves aren't secret.
bool secret_equal(const struct secret *a, const struct secret *b);
bool secret_equal_bytes(const struct secret *a, struct bytes b);

void secret_cleanup(struct secret **s); // for CLEANUP
