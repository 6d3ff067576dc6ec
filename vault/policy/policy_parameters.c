// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "vault/policy/policy_internal.h"

static struct status copy_lower(struct arena *arena, struct str s, struct str *out)
{
    char *text = arena_alloc(arena, s.len);
    if (text == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    *out = (struct str){text, s.len};
    return OK_STATUS;
}

static size_t count_children(const struct hcl_node *node)
{
    size_t count = 0;
    for (const struct hcl_node *n = node->first; n != NULL; n = n->next) {
        count++;
    }
    return count;
}

typedef struct status copy_word(struct arena *arena, struct str s, struct str *out);

// Strings, and for values also numbers and booleans, whose text is what requests are compared with.
static struct status copy_list(struct policy_reader *r, const struct hcl_node *node,
                               copy_word *copy, struct policy_strings *out)
{
    if (node->kind != HCL_LIST) {
        FAIL(INVALID, "expected a list");
    }
    struct str *items = ARENA_ARRAY(r->arena, struct str, count_children(node));
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t count = 0;
    for (const struct hcl_node *n = node->first; n != NULL; n = n->next) {
        if (n->kind == HCL_LIST || n->kind == HCL_OBJECT) {
            *r->error = hcl_error_at(n);
            FAIL(INVALID, "expected a string, a number or a boolean");
        }
        TRY(copy(r->arena, n->text, &items[count]));
        count++;
    }
    *out = (struct policy_strings){items, count};
    return OK_STATUS;
}

struct status policy_read_words(struct policy_reader *r, const struct hcl_node *node,
                                struct policy_strings *out)
{
    return copy_list(r, node, copy_lower, out);
}

static int compare_names(const void *a, const void *b)
{
    const struct policy_parameter *left = a;
    const struct policy_parameter *right = b;
    return str_compare(left->name, right->name);
}

struct status policy_read_parameters(struct policy_reader *r, const struct hcl_node *node,
                                     struct policy_parameters *out)
{
    if (node->kind != HCL_OBJECT) {
        FAIL(INVALID, "expected { \"parameter\" = [values] }");
    }
    struct policy_parameter *items =
        ARENA_ARRAY(r->arena, struct policy_parameter, count_children(node));
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t count = 0;
    for (const struct hcl_node *n = node->first; n != NULL; n = n->next) {
        *r->error = hcl_error_at(n);
        TRY(copy_lower(r->arena, n->key, &items[count].name));
        TRY(copy_list(r, n, arena_copy_str, &items[count].values));
        count++;
    }
    qsort(items, count, sizeof *items, compare_names);
    for (size_t i = 1; i < count; i++) {
        if (str_equal(items[i].name, items[i - 1].name)) {
            *r->error = hcl_error_at(node);
            FAIL(INVALID, "a parameter is given twice; capitals make no difference");
        }
    }
    *out = (struct policy_parameters){items, count};
    return OK_STATUS;
}
