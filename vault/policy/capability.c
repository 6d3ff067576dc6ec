// SPDX-License-Identifier: ISC
#include "vault/policy/capability.h"

#include "vault/base/macros.h"

static const char *const NAMES[] = {
#define X(name, text) text,
    POLICY_CAPABILITY_TABLE(X)
#undef X
};

const char *policy_capability_name(enum policy_capability_index index)
{
    REQUIRE(index < POLICY_CAPABILITY_COUNT);
    return NAMES[index];
}

struct status policy_capability_parse(struct str word, uint32_t *out)
{
    for (uint32_t i = 0; i < POLICY_CAPABILITY_COUNT; i++) {
        if (i != POLICY_INDEX_ROOT && str_equal_c(word, NAMES[i])) {
            *out = 1U << i;
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "unknown capability; known are create, read, update, patch, delete, list, scan, "
                  "sudo and deny");
}

uint32_t policy_operation_needs(enum policy_operation operation)
{
    static const uint32_t needs[] = {
        [POLICY_OP_READ] = POLICY_READ,     [POLICY_OP_CREATE] = POLICY_CREATE,
        [POLICY_OP_UPDATE] = POLICY_UPDATE, [POLICY_OP_PATCH] = POLICY_PATCH,
        [POLICY_OP_DELETE] = POLICY_DELETE, [POLICY_OP_LIST] = POLICY_LIST,
        [POLICY_OP_SCAN] = POLICY_SCAN,     [POLICY_OP_HELP] = 0,
    };
    REQUIRE((size_t)operation < ARRAY_LEN(needs));
    return needs[operation];
}
