// SPDX-License-Identifier: ISC
// Inside of policy parsing: policy.c reads the document, policy_rule.c one rule.
#pragma once

#include "vault/base/hcl.h"
#include "vault/policy/policy.h"

struct policy_reader {
    struct arena *arena; // of the policy
    struct text_error *error;
};

// The body of `path "..." { }`.
struct status policy_read_rule(struct policy_reader *r, struct str path,
                               const struct hcl_node *body, struct policy_rule *out);
// allowed_parameters and denied_parameters.
struct status policy_read_parameters(struct policy_reader *r, const struct hcl_node *node,
                                     struct policy_parameters *out);
// A list of words, copied in lower case.
struct status policy_read_words(struct policy_reader *r, const struct hcl_node *node,
                                struct policy_strings *out);
// Notes where the trouble is; gives `why` back.
struct status policy_blame(struct policy_reader *r, const struct hcl_node *node, struct status why);
