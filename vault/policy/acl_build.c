// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "vault/base/clock.h"
#include "vault/base/limits.h"
#include "vault/policy/acl_internal.h"

void acl_free(struct acl *a)
{
    if (a != NULL) {
        arena_free(a->arena);
    }
}

void acl_cleanup(struct acl **a)
{
    acl_free(*a);
}

int64_t acl_expires_us(const struct acl *a)
{
    return a->expires_us;
}

// Groups equal patterns and orders each kind by text; within a group the order of the policies
// stays, because sources of one group lie in one array.
static int compare_sources(const void *a, const void *b)
{
    const struct acl_source *left = a;
    const struct acl_source *right = b;
    const struct policy_pattern *p = &left->rule->pattern;
    const struct policy_pattern *q = &right->rule->pattern;
    if (p->kind != q->kind) {
        return p->kind < q->kind ? -1 : 1;
    }
    int order = str_compare(p->text, q->text);
    if (order != 0) {
        return order;
    }
    if (p->open != q->open) {
        return p->open ? 1 : -1;
    }
    order = str_compare(left->policy, right->policy);
    return order != 0
               ? order
               : (left->rule->line > right->rule->line) - (left->rule->line < right->rule->line);
}

static int by_priority(const void *a, const void *b)
{
    const struct acl_entry *left = a;
    const struct acl_entry *right = b;
    return policy_pattern_compare(&right->pattern, &left->pattern);
}

static bool same_pattern(const struct acl_source *a, const struct acl_source *b)
{
    const struct policy_pattern *p = &a->rule->pattern;
    const struct policy_pattern *q = &b->rule->pattern;
    return p->kind == q->kind && p->open == q->open && str_equal(p->text, q->text);
}

static size_t count_rules(const struct acl_input *input)
{
    size_t total = 0;
    for (size_t i = 0; i < input->count; i++) {
        size_t count;
        policy_rules(input->policies[i], &count);
        total += count;
    }
    return total;
}

// Every rule that hasn't expired.
static struct status collect(struct acl *a, const struct acl_input *input,
                             struct acl_source **sources, size_t *count)
{
    struct acl_source *all = ARENA_ARRAY(a->arena, struct acl_source, count_rules(input));
    if (all == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t used = 0;
    for (size_t i = 0; i < input->count; i++) {
        size_t rule_count;
        const struct policy_rule *rules = policy_rules(input->policies[i], &rule_count);
        for (size_t j = 0; j < rule_count; j++) {
            if (rules[j].expires_us <= input->now_us) {
                continue;
            }
            if (rules[j].expires_us < a->expires_us) {
                a->expires_us = rules[j].expires_us;
            }
            all[used++] = (struct acl_source){policy_name(input->policies[i]), &rules[j]};
        }
    }
    qsort(all, used, sizeof *all, compare_sources);
    *sources = all;
    *count = used;
    return OK_STATUS;
}

static struct status make_entry(struct acl *a, const struct acl_source *sources, size_t count,
                                struct acl_entry *out)
{
    *out = (struct acl_entry){
        .pattern = sources[0].rule->pattern, .sources = sources, .source_count = count};
    for (size_t i = 0; i < count; i++) {
        out->capabilities |= sources[i].rule->capabilities;
    }
    if (out->capabilities & POLICY_DENY) {
        out->capabilities = POLICY_DENY;
        return OK_STATUS;
    }
    return acl_merge_limits(a->arena, out);
}

static struct acl_table *table_for(struct acl *a, enum policy_pattern_kind kind)
{
    switch (kind) {
    case POLICY_PATTERN_EXACT:
        return &a->exact;
    case POLICY_PATTERN_PREFIX:
        return &a->prefixes;
    case POLICY_PATTERN_SEGMENTS:
        break;
    }
    return &a->segments;
}

// One entry per group; the kinds follow each other, so that each table is a part of one array.
static struct status make_tables(struct acl *a, const struct acl_source *sources, size_t count)
{
    struct acl_entry *entries = ARENA_ARRAY(a->arena, struct acl_entry, count);
    if (entries == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t used = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && same_pattern(&sources[i], &sources[end]);) {
            end++;
        }
        struct acl_table *table = table_for(a, sources[i].rule->pattern.kind);
        if (table->count == 0) {
            table->entries = &entries[used];
        }
        TRY(make_entry(a, &sources[i], end - i, &entries[used]));
        table->count++;
        used++;
    }
    return OK_STATUS;
}

static void link_prefixes(struct acl_table *t)
{
    for (uint32_t i = 1; i < t->count; i++) {
        uint32_t parent = i;
        while (parent != 0 &&
               !str_starts_with(t->entries[i].pattern.text, t->entries[parent - 1].pattern.text)) {
            parent = t->entries[parent - 1].parent;
        }
        t->entries[i].parent = parent;
    }
}

struct status acl_build(const struct acl_input *input, struct acl **out)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(4 * (size_t)LIMIT_ARENA_BYTES);
    struct acl *a = arena == NULL ? NULL : ARENA_NEW(arena, struct acl);
    if (a == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    a->arena = arena;
    a->root = input->root;
    a->expires_us = CLOCK_NEVER;
    struct acl_source *sources;
    size_t count;
    TRY(collect(a, input, &sources, &count));
    TRY(make_tables(a, sources, count));
    link_prefixes(&a->prefixes);
    if (a->segments.count > 1) {
        qsort(a->segments.entries, a->segments.count, sizeof *a->segments.entries, by_priority);
    }
    arena = NULL; // the ACL owns it from here
    *out = a;
    return OK_STATUS;
}
