// SPDX-License-Identifier: ISC
#include <string.h>

#include "vault/base/limits.h"
#include "vault/policy/acl_internal.h"

// Number of entries whose text is not above `path`.
static size_t upper_bound(const struct acl_table *t, struct str path)
{
    size_t low = 0;
    size_t high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(t->entries[middle].pattern.text, path) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const struct acl_entry *find_exact(const struct acl *a, struct str path)
{
    size_t count = upper_bound(&a->exact, path);
    if (count == 0 || !str_equal(a->exact.entries[count - 1].pattern.text, path)) {
        return NULL;
    }
    return &a->exact.entries[count - 1];
}

static size_t shared_length(struct str a, struct str b)
{
    size_t most = a.len < b.len ? a.len : b.len;
    size_t i = 0;
    while (i < most && a.ptr[i] == b.ptr[i]) {
        i++;
    }
    return i;
}

// The longest prefix of `path`. Every prefix of it that is in the table is a prefix of the last
// entry that isn't above it, or that entry itself: so they lie on its chain of parents, and those
// of them match that are no longer than what that entry and the path share.
static const struct acl_entry *find_prefix(const struct acl *a, struct str path)
{
    size_t at = upper_bound(&a->prefixes, path);
    if (at == 0) {
        return NULL;
    }
    size_t shared = shared_length(a->prefixes.entries[at - 1].pattern.text, path);
    while (at != 0) {
        const struct acl_entry *e = &a->prefixes.entries[at - 1];
        if (e->pattern.text.len <= shared) {
            return e;
        }
        at = e->parent;
    }
    return NULL;
}

static const struct acl_entry *find_glob(const struct acl *a, struct str path)
{
    const struct acl_entry *best = find_prefix(a, path);
    for (size_t i = 0; i < a->segments.count; i++) {
        const struct acl_entry *e = &a->segments.entries[i];
        if (best != NULL && policy_pattern_compare(&best->pattern, &e->pattern) > 0) {
            break; // and so are all that follow
        }
        if (policy_pattern_matches(&e->pattern, path)) {
            return e;
        }
    }
    return best;
}

const struct acl_entry *acl_find(const struct acl *a, struct str path)
{
    const struct acl_entry *exact = find_exact(a, path);
    return exact != NULL ? exact : find_glob(a, path);
}

static bool denies(const struct acl_entry *e)
{
    return e != NULL && (e->capabilities & POLICY_DENY) != 0;
}

// Of the rules for two forms of one path the more specific one; `first` unless only `second`
// denies when both are exact.
static const struct acl_entry *more_specific(const struct acl_entry *first,
                                             const struct acl_entry *second)
{
    if (first == NULL || second == NULL) {
        return first == NULL ? second : first;
    }
    bool both_exact =
        first->pattern.kind == POLICY_PATTERN_EXACT && second->pattern.kind == POLICY_PATTERN_EXACT;
    if (both_exact) {
        return denies(second) ? second : first;
    }
    return policy_pattern_compare(&second->pattern, &first->pattern) > 0 ? second : first;
}

static const struct acl_entry *find_folder(const struct acl *a, struct str bare)
{
    char text[LIMIT_PATH_BYTES + 1];
    memcpy(text, bare.ptr, bare.len);
    text[bare.len] = '/';
    return more_specific(acl_find(a, (struct str){text, bare.len + 1}), acl_find(a, bare));
}

const struct acl_entry *acl_find_for(const struct acl *a, struct str path,
                                     enum policy_operation operation)
{
    bool folder = operation == POLICY_OP_LIST || operation == POLICY_OP_SCAN;
    bool slash = str_ends_with(path, STR("/"));
    if (path.len == 0 || path.len > LIMIT_PATH_BYTES || (!folder && !slash)) {
        return path.len > LIMIT_PATH_BYTES ? NULL : acl_find(a, path);
    }
    struct str bare = str_first(path, path.len - (slash ? 1 : 0));
    if (folder) {
        return bare.len == 0 ? acl_find(a, path) : find_folder(a, bare);
    }
    // Without the slash a path may lose access here, never gain it.
    const struct acl_entry *own = acl_find(a, path);
    const struct acl_entry *decisive = more_specific(own, acl_find(a, bare));
    return denies(decisive) ? decisive : own;
}
