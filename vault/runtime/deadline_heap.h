// SPDX-License-Identifier: ISC
// The sources of a loop that have a deadline, earliest first: a binary heap whose entries carry a
// copy of the deadline, so that comparing touches no source. Only for loop.c.
#pragma once

#include "vault/runtime/loop.h"

struct deadline_entry {
    int64_t deadline_us;
    struct loop_source *source;
};

struct deadline_heap {
    struct deadline_entry *entries; // entries[i] is the source whose heap_index is i + 1
    size_t count;
    size_t capacity;
};

void deadline_heap_done(struct deadline_heap *h);
// Room for `count` sources altogether, so that deadline_heap_place() can't fail. NOMEM.
struct status deadline_heap_reserve(struct deadline_heap *h, size_t count);
// Inserts, moves or takes out the source, as its deadline_us says.
void deadline_heap_place(struct deadline_heap *h, struct loop_source *source);
// Takes it out if it is in.
void deadline_heap_drop(struct deadline_heap *h, struct loop_source *source);
int64_t deadline_heap_next_us(const struct deadline_heap *h);           // CLOCK_NEVER when empty
struct loop_source *deadline_heap_first(const struct deadline_heap *h); // not when empty
