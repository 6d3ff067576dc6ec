// SPDX-License-Identifier: ISC
// The policies of a token in the making: names in their normal form, sorted, each once.
#pragma once

#include "vault/core/token.h"
#include "vault/base/json.h"

struct policy_set {
    struct str items[TOKEN_LIST_MAX + 1];
    size_t count;
};

bool policy_set_has(const struct policy_set *s, struct str name);
void policy_set_add(struct policy_set *s, struct str name);
void policy_set_remove(struct policy_set *s, struct str name);
void policy_set_inherit(struct policy_set *s, const struct token *caller);
// Adds names as a client wrote them. "root" is recognised in exactly this form; every other name is
// brought into its normal form before anything is decided about it (CVE-2025-5999). INVALID, NOMEM.
struct status policy_set_read(struct policy_set *s, const struct json_strings *written,
                              struct arena *arena);
