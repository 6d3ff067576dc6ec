// SPDX-License-Identifier: ISC
// A policy as its author wrote it: a list of rules, each for one path pattern.
//
//     path "secret/data/app/*" {
//         capabilities        = ["create", "update", "read"]
//         allowed_parameters  = { "ttl" = ["1h", "2*"], "*" = [] }
//         denied_parameters   = { "admin" = [] }
//         required_parameters = ["reason"]
//         min_wrapping_ttl    = "1m"
//         max_wrapping_ttl    = "1h"
//         pagination_limit    = 100
//         expiration          = "2026-12-31T00:00:00Z"
//         comment             = "until the migration is done"
//     }
//
// HCL or JSON (vault/base/hcl.h). The old form `policy = "read"` (deny, read, write, sudo) is
// understood. Refused with a clear message: identity templates in paths, MFA methods, control
// groups, list_scan_response_keys_filter_path, and any word that isn't known: a rule that is
// silently without effect would be worse.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/text_position.h"
#include "vault/policy/capability.h"
#include "vault/policy/pattern.h"

struct policy_strings {
    const struct str *items;
    size_t count;
};

struct policy_parameter {
    struct str name;              // lower case; "*" is any parameter
    struct policy_strings values; // globs; none means any value
};

struct policy_parameters {
    const struct policy_parameter *items; // sorted by name, each name once
    size_t count;
};

struct policy_rule {
    struct str written; // the path as written
    struct policy_pattern pattern;
    uint32_t line;
    uint32_t capabilities; // just POLICY_DENY when that is among them
    struct policy_parameters allowed;
    struct policy_parameters denied;
    struct policy_strings required; // lower case
    int64_t min_wrapping_ttl_s;     // 0 is unbounded
    int64_t max_wrapping_ttl_s;
    int64_t page_limit; // entries of one page of LIST or SCAN; 0 is unbounded
    int64_t expires_us; // from then on the rule does not exist; CLOCK_NEVER
    struct str comment;
};

struct policy; // immutable

void policy_free(struct policy *p); // NULL is fine
void policy_cleanup(struct policy **p);

// `name` is in its normal form (name.h). Both are copied. INVALID, then `*error` says where and
// which word, borrowed from `text`; TOO_LARGE above LIMIT_POLICY_BYTES; NOMEM.
struct status policy_parse(struct str name, struct str text, struct policy **out,
                           struct text_error *error);

struct str policy_name(const struct policy *p);
const struct policy_rule *policy_rules(const struct policy *p, size_t *count);
