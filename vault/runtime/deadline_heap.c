// SPDX-License-Identifier: ISC
#include "vault/runtime/deadline_heap.h"

enum { HEAP_FIRST_CAPACITY = 64 };

void deadline_heap_done(struct deadline_heap *h)
{
    free(h->entries);
    *h = (struct deadline_heap){0};
}

struct status deadline_heap_reserve(struct deadline_heap *h, size_t count)
{
    if (count <= h->capacity) {
        return OK_STATUS;
    }
    size_t capacity = h->capacity == 0 ? HEAP_FIRST_CAPACITY : h->capacity * 2;
    if (capacity < count) {
        capacity = count;
    }
    struct deadline_entry *entries = reallocarray(h->entries, capacity, sizeof *entries);
    if (entries == NULL) {
        FAIL(NOMEM, "no memory for the loop's deadlines");
    }
    h->entries = entries;
    h->capacity = capacity;
    return OK_STATUS;
}

static void put(struct deadline_heap *h, size_t at, struct deadline_entry entry)
{
    h->entries[at] = entry;
    entry.source->heap_index = at + 1;
}

// Both move `entry` from the hole at `at` to where it belongs.
static size_t sift_up(struct deadline_heap *h, size_t at, struct deadline_entry entry)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (h->entries[parent].deadline_us <= entry.deadline_us) {
            break;
        }
        put(h, at, h->entries[parent]);
        at = parent;
    }
    return at;
}

static size_t sift_down(struct deadline_heap *h, size_t at, struct deadline_entry entry)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->count) {
            return at;
        }
        if (child + 1 < h->count &&
            h->entries[child + 1].deadline_us < h->entries[child].deadline_us) {
            child++;
        }
        if (entry.deadline_us <= h->entries[child].deadline_us) {
            return at;
        }
        put(h, at, h->entries[child]);
        at = child;
    }
}

static void settle(struct deadline_heap *h, size_t at, struct deadline_entry entry)
{
    put(h, sift_down(h, sift_up(h, at, entry), entry), entry);
}

void deadline_heap_drop(struct deadline_heap *h, struct loop_source *source)
{
    if (source->heap_index == 0) {
        return;
    }
    size_t hole = source->heap_index - 1;
    source->heap_index = 0;
    struct deadline_entry last = h->entries[--h->count];
    if (last.source != source) {
        settle(h, hole, last);
    }
}

void deadline_heap_place(struct deadline_heap *h, struct loop_source *source)
{
    if (source->deadline_us == CLOCK_NEVER) {
        deadline_heap_drop(h, source);
        return;
    }
    if (source->heap_index == 0) {
        REQUIRE(h->count < h->capacity);
        source->heap_index = ++h->count;
    }
    struct deadline_entry entry = {source->deadline_us, source};
    settle(h, source->heap_index - 1, entry);
}

int64_t deadline_heap_next_us(const struct deadline_heap *h)
{
    return h->count == 0 ? CLOCK_NEVER : h->entries[0].deadline_us;
}

struct loop_source *deadline_heap_first(const struct deadline_heap *h)
{
    REQUIRE(h->count > 0);
    return h->entries[0].source;
}
