// SPDX-License-Identifier: ISC
#include <search.h>
#include <stdlib.h>

#include "vault/audit/verifier_internal.h"
#include "vault/base/limits.h"

static int compare_numbers(const void *a, const void *b)
{
    const struct verified_checkpoint *x = a;
    const struct verified_checkpoint *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int compare_items(const void *a, const void *b)
{
    return compare_numbers(*(struct verified_checkpoint *const *)a,
                           *(struct verified_checkpoint *const *)b);
}

void verified_checkpoints_done(struct verified_checkpoints *c)
{
    tdestroy(c->tree, free);
    free(c->items);
    *c = (struct verified_checkpoints){0};
}

struct verified_checkpoint *verified_checkpoints_get(const struct verified_checkpoints *c,
                                                     int64_t number)
{
    const struct verified_checkpoint wanted = {.number = number};
    struct verified_checkpoint **found = tfind(&wanted, &c->tree, compare_numbers);
    return found == NULL ? NULL : *found;
}

static struct status reserve(struct verified_checkpoints *c)
{
    if (c->count < c->capacity) {
        return OK_STATUS;
    }
    if (c->count >= LIMIT_AUDIT_CHECKPOINTS) {
        FAIL(LIMIT, "too many checkpoints: this and later ones can't be remembered");
    }
    size_t capacity = c->capacity == 0 ? 64 : c->capacity * 2;
    struct verified_checkpoint **items = reallocarray(c->items, capacity, sizeof(*items));
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    c->items = items;
    c->capacity = capacity;
    return OK_STATUS;
}

static struct status add(struct verified_checkpoints *c, int64_t number,
                         struct verified_checkpoint **out)
{
    TRY(reserve(c));
    struct verified_checkpoint *added = calloc(1, sizeof *added);
    if (added == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    added->number = number;
    if (tsearch(added, &c->tree, compare_numbers) == NULL) {
        free(added);
        FAIL(NOMEM, "out of memory");
    }
    c->items[c->count++] = added;
    *out = added;
    return OK_STATUS;
}

struct status verified_checkpoints_reach(struct verified_checkpoints *c, int64_t number,
                                         struct verified_checkpoint **out)
{
    struct verified_checkpoint *known = verified_checkpoints_get(c, number);
    if (known == NULL) {
        return add(c, number, out);
    }
    *out = known;
    return OK_STATUS;
}

void verified_checkpoints_sort(struct verified_checkpoints *c)
{
    int64_t tombstones = 0;
    if (c->count > 0) {
        qsort(c->items, c->count, sizeof(*c->items), compare_items);
    }
    for (size_t i = 0; i < c->count; i++) {
        c->items[i]->tombstones_before = tombstones;
        tombstones += c->items[i]->tombstone;
    }
}

int64_t verified_checkpoints_last(const struct verified_checkpoints *c)
{
    return c->count == 0 ? 0 : c->items[c->count - 1]->number;
}

int64_t verified_checkpoints_ordinary_before(const struct verified_checkpoints *c, int64_t number)
{
    size_t low = 0;
    size_t high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->items[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return number - 1;
    }
    const struct verified_checkpoint *before = c->items[low - 1];
    return number - 1 - before->tombstones_before - before->tombstone;
}
