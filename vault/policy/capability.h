// SPDX-License-Identifier: ISC
// What a policy can grant on a path, and which of it each operation needs.
#pragma once

#include "vault/base/bytes.h"

// In the order in which the API lists them.
#define POLICY_CAPABILITY_TABLE(X)                                                                 \
    X(CREATE, "create")                                                                            \
    X(DELETE, "delete")                                                                            \
    X(DENY, "deny")                                                                                \
    X(LIST, "list")                                                                                \
    X(PATCH, "patch")                                                                              \
    X(READ, "read")                                                                                \
    X(ROOT, "root") /* only ever an answer, never written in a policy */                           \
    X(SCAN, "scan")                                                                                \
    X(SUDO, "sudo")                                                                                \
    X(UPDATE, "update")

enum policy_capability_index {
#define X(name, text) POLICY_INDEX_##name,
    POLICY_CAPABILITY_TABLE(X)
#undef X
        POLICY_CAPABILITY_COUNT
};

// A set of capabilities is the sum of its bits.
enum policy_capability {
#define X(name, text) POLICY_##name = 1 << POLICY_INDEX_##name,
    POLICY_CAPABILITY_TABLE(X)
#undef X
};

enum policy_operation {
    POLICY_OP_READ,
    POLICY_OP_CREATE,
    POLICY_OP_UPDATE, // renewing, revoking and rolling back need it too
    POLICY_OP_PATCH,
    POLICY_OP_DELETE,
    POLICY_OP_LIST,
    POLICY_OP_SCAN,
    POLICY_OP_HELP, // always allowed
};

const char *policy_capability_name(enum policy_capability_index index);
// A capability that a policy may grant or deny; INVALID for any other word, "root" included.
struct status policy_capability_parse(struct str word, uint32_t *out);
// The capability that an operation needs; 0 for help.
uint32_t policy_operation_needs(enum policy_operation operation);
