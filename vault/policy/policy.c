// SPDX-License-Identifier: ISC
#include "vault/policy/policy.h"

#include "vault/base/limits.h"
#include "vault/policy/policy_internal.h"

struct policy {
    struct arena *arena; // holds the policy itself too
    struct str name;
    const struct policy_rule *rules;
    size_t rule_count;
};

void policy_free(struct policy *p)
{
    if (p != NULL) {
        arena_free(p->arena);
    }
}

void policy_cleanup(struct policy **p)
{
    policy_free(*p);
}

struct str policy_name(const struct policy *p)
{
    return p->name;
}

const struct policy_rule *policy_rules(const struct policy *p, size_t *count)
{
    *count = p->rule_count;
    return p->rules;
}

struct status policy_blame(struct policy_reader *r, const struct hcl_node *node, struct status why)
{
    *r->error = hcl_error_at(node);
    return why;
}

// Apart from paths a policy holds only `name`, which older tools write and nothing reads.
static struct status check_top_level(struct policy_reader *r, const struct hcl_node *root)
{
    if (root->kind != HCL_OBJECT) {
        return policy_blame(r, root, MAKE_STATUS(INVALID, "a policy is an object"));
    }
    for (const struct hcl_node *item = root->first; item != NULL; item = item->next) {
        if (!str_equal_c(item->key, "path") && !str_equal_c(item->key, "name")) {
            *r->error = hcl_error_at_key(item);
            FAIL(INVALID, "unknown word; a policy consists of paths");
        }
    }
    return OK_STATUS;
}

static size_t count_rules(const struct hcl_node *root)
{
    size_t count = 0;
    struct hcl_blocks it = hcl_blocks(root, "path");
    while (hcl_next_block(&it)) {
        count++;
    }
    return count;
}

static struct status read_rules(struct policy_reader *r, const struct hcl_node *root,
                                struct policy *p)
{
    TRY(check_top_level(r, root));
    struct policy_rule *rules = ARENA_ARRAY(r->arena, struct policy_rule, count_rules(root));
    if (rules == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct hcl_blocks it = hcl_blocks(root, "path");
    while (hcl_next_block(&it)) {
        TRY(policy_read_rule(r, it.label, it.body, &rules[p->rule_count]));
        p->rule_count++;
    }
    if (it.wrong != NULL) {
        return policy_blame(r, it.wrong, MAKE_STATUS(INVALID, "expected path \"...\" { ... }"));
    }
    p->rules = rules;
    return OK_STATUS;
}

struct status policy_parse(struct str name, struct str text, struct policy **out,
                           struct text_error *error)
{
    *error = (struct text_error){1, 1, {NULL, 0}};
    if (text.len > LIMIT_POLICY_BYTES) {
        FAIL(TOO_LARGE, "a policy has 256 KiB at most");
    }
    CLEANUP(arena_cleanup) struct arena *kept = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(arena_cleanup) struct arena *scratch = arena_new(4 * (size_t)LIMIT_ARENA_BYTES);
    struct policy *p = kept == NULL ? NULL : ARENA_NEW(kept, struct policy);
    if (p == NULL || scratch == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(arena_copy_str(kept, name, &p->name));
    const struct hcl_node *root;
    TRY(hcl_parse(text, scratch, &root, error));
    struct policy_reader reader = {kept, error};
    TRY(read_rules(&reader, root, p));
    p->arena = TAKE(kept);
    *out = p;
    return OK_STATUS;
}
