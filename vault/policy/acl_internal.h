// SPDX-License-Identifier: ISC
// Inside of the ACL: tables made by acl_build.c, searched by acl_find.c, judged by acl.c.
#pragma once

#include "vault/policy/acl.h"

// All rules with one pattern.
struct acl_entry {
    struct policy_pattern pattern;
    uint32_t capabilities; // just POLICY_DENY when one of the rules denies
    uint32_t parent;       // of a prefix: 1 + the longest other prefix that it begins with; 0
    struct policy_parameters allowed;
    struct policy_parameters denied;
    struct policy_strings required;
    int64_t min_wrapping_ttl_s;
    int64_t max_wrapping_ttl_s;
    int64_t page_limit;
    const struct acl_source *sources;
    size_t source_count;
};

struct acl_table {
    struct acl_entry *entries;
    size_t count;
};

struct acl {
    struct arena *arena; // holds the ACL itself too
    bool root;
    int64_t expires_us;
    struct acl_table exact;    // sorted by path
    struct acl_table prefixes; // sorted by path
    struct acl_table segments; // highest priority first
};

// Joins what the rules of one pattern say beyond their capabilities. NOMEM.
struct status acl_merge_limits(struct arena *arena, struct acl_entry *e);

// The rule that decides about `path` taken as it is, or NULL.
const struct acl_entry *acl_find(const struct acl *a, struct str path);
// The rule that decides about an operation, with and without the slash at the end.
const struct acl_entry *acl_find_for(const struct acl *a, struct str path,
                                     enum policy_operation operation);

// ACL_GRANTED, or which of the entry's demands on parameters isn't met.
enum acl_reason acl_check_parameters(const struct acl_entry *e, struct json_value parameters);
