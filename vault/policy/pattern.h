// SPDX-License-Identifier: ISC
// Path patterns of policies: "a/b" is that path, "a/b*" everything that begins so, and a segment
// that is just "+" is any one segment.
#pragma once

#include "vault/base/bytes.h"

enum policy_pattern_kind {
    POLICY_PATTERN_EXACT,
    POLICY_PATTERN_PREFIX,   // ends in *, no + segment
    POLICY_PATTERN_SEGMENTS, // at least one + segment; may end in *
};

struct policy_pattern {
    struct str text; // without the star; borrowed
    enum policy_pattern_kind kind;
    bool open;               // ended in *
    uint32_t wildcards;      // + segments
    uint32_t first_wildcard; // offset of the first + or of the star
};

// One leading slash is dropped. INVALID for an empty or too long path, a star before the end, "+*",
// dot segments, control characters and templates.
struct status policy_pattern_parse(struct str written, struct policy_pattern *out);

bool policy_pattern_matches(const struct policy_pattern *p, struct str path);

// Which of two patterns that match the same path decides: above zero when it is `a`. Exact beats
// the others; then the lower one is whose first wildcard comes earlier, which ends in a star, which
// has more + segments, which is shorter, which is lexicographically smaller.
int policy_pattern_compare(const struct policy_pattern *a, const struct policy_pattern *b);
