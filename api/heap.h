// SPDX-License-Identifier: ISC
// The heap of the whole program, libraries included: every block is overwritten when it is freed or
// moves. TLS, HTTP and database libraries free what they don't wipe; this is what keeps a secret
// that went through them out of memory that is handed out again, or read by others.
// Linking this file is enough: it takes the place of the C library's free() and realloc(). Where
// that can't be (sanitizers, another C library than glibc), nothing is replaced.
// Only these two are replaced, and glibc's malloc() stands behind them: another allocator must not
// be preloaded, or its blocks would be handed to glibc's free().
#pragma once

// Keeps what was freed for the next request instead of giving it back to the kernel at once, only
// to fault it in again. Before any thread is started.
void heap_tune(void);
