// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "vault/policy/acl_internal.h"

typedef struct policy_parameters parameters_of(const struct policy_rule *rule);

static struct policy_parameters allowed_of(const struct policy_rule *rule)
{
    return rule->allowed;
}

static struct policy_parameters denied_of(const struct policy_rule *rule)
{
    return rule->denied;
}

static int compare_parameters(const void *a, const void *b)
{
    const struct policy_parameter *left = a;
    const struct policy_parameter *right = b;
    return str_compare(left->name, right->name);
}

// The values of the parameters of one name: all of them, or none (which means any) as soon as one
// rule gives none.
static struct status join_values(struct arena *arena, const struct policy_parameter *same,
                                 size_t count, struct policy_strings *out)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (same[i].values.count == 0) {
            *out = (struct policy_strings){NULL, 0};
            return OK_STATUS;
        }
        total += same[i].values.count;
    }
    struct str *items = ARENA_ARRAY(arena, struct str, total);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(items + used, same[i].values.items, same[i].values.count * sizeof *items);
        used += same[i].values.count;
    }
    *out = (struct policy_strings){items, used};
    return OK_STATUS;
}

static struct status gather(struct arena *arena, const struct acl_entry *e, parameters_of *of,
                            struct policy_parameter **out, size_t *count)
{
    size_t total = 0;
    for (size_t i = 0; i < e->source_count; i++) {
        total += of(e->sources[i].rule).count;
    }
    struct policy_parameter *all = ARENA_ARRAY(arena, struct policy_parameter, total);
    if (all == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t used = 0;
    for (size_t i = 0; i < e->source_count; i++) {
        struct policy_parameters part = of(e->sources[i].rule);
        for (size_t j = 0; j < part.count; j++) {
            all[used++] = part.items[j];
        }
    }
    qsort(all, used, sizeof *all, compare_parameters);
    *out = all;
    *count = used;
    return OK_STATUS;
}

static struct status join_parameters(struct arena *arena, const struct acl_entry *e,
                                     parameters_of *of, struct policy_parameters *out)
{
    if (e->source_count == 1) {
        *out = of(e->sources[0].rule);
        return OK_STATUS;
    }
    struct policy_parameter *all;
    size_t count;
    TRY(gather(arena, e, of, &all, &count));
    size_t used = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && str_equal(all[i].name, all[end].name);) {
            end++;
        }
        struct policy_parameter joined = {.name = all[i].name};
        TRY(join_values(arena, &all[i], end - i, &joined.values));
        all[used++] = joined;
    }
    *out = (struct policy_parameters){all, used};
    return OK_STATUS;
}

static struct status join_required(struct arena *arena, const struct acl_entry *e,
                                   struct policy_strings *out)
{
    size_t total = 0;
    for (size_t i = 0; i < e->source_count; i++) {
        total += e->sources[i].rule->required.count;
    }
    struct str *items = ARENA_ARRAY(arena, struct str, total);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t used = 0;
    for (size_t i = 0; i < e->source_count; i++) {
        struct policy_strings part = e->sources[i].rule->required;
        for (size_t j = 0; j < part.count; j++) {
            items[used++] = part.items[j];
        }
    }
    *out = (struct policy_strings){items, used};
    return OK_STATUS;
}

// Limits restrict, so the lower one wins; 0 is none.
static int64_t lower_limit(int64_t a, int64_t b)
{
    if (a == 0 || b == 0) {
        return a + b;
    }
    return a < b ? a : b;
}

struct status acl_merge_limits(struct arena *arena, struct acl_entry *e)
{
    for (size_t i = 0; i < e->source_count; i++) {
        const struct policy_rule *rule = e->sources[i].rule;
        e->min_wrapping_ttl_s = lower_limit(e->min_wrapping_ttl_s, rule->min_wrapping_ttl_s);
        e->max_wrapping_ttl_s = lower_limit(e->max_wrapping_ttl_s, rule->max_wrapping_ttl_s);
        e->page_limit = lower_limit(e->page_limit, rule->page_limit);
    }
    TRY(join_parameters(arena, e, allowed_of, &e->allowed));
    TRY(join_parameters(arena, e, denied_of, &e->denied));
    return join_required(arena, e, &e->required);
}
