// SPDX-License-Identifier: ISC
#include "vault/policy/pattern.h"

#include <string.h>

#include "vault/base/limits.h"

static bool has_control_character(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7F) {
            return true;
        }
    }
    return false;
}

static bool contains(struct str s, struct str part)
{
    return s.len > 0 && memmem(s.ptr, s.len, part.ptr, part.len) != NULL;
}

static struct status check_written(struct str path)
{
    if (path.len == 0) {
        FAIL(INVALID, "a path must not be empty");
    }
    if (path.len > LIMIT_PATH_BYTES) {
        FAIL(INVALID, "the path is too long");
    }
    if (contains(path, STR("{{"))) {
        FAIL(INVALID, "templates are not supported in paths: there is no identity to fill in");
    }
    if (contains(path, STR("+*"))) {
        FAIL(INVALID, "+* is not allowed: + stands for a whole segment");
    }
    if (has_control_character(path)) {
        FAIL(INVALID, "a path must not hold control characters");
    }
    if (contains(str_first(path, path.len - 1), STR("*"))) {
        FAIL(INVALID, "* is only allowed at the end of a path; + stands for one segment");
    }
    return OK_STATUS;
}

// Counts the + segments and refuses dot segments, which no request path holds.
static struct status look_at_segments(struct policy_pattern *p)
{
    struct str rest = p->text;
    bool more = true;
    while (more) {
        struct str segment;
        more = str_split(rest, '/', &segment, &rest);
        if (str_equal_c(segment, ".") || str_equal_c(segment, "..")) {
            FAIL(INVALID, "a path must not hold . or .. as a segment");
        }
        if (str_equal_c(segment, "+")) {
            if (p->wildcards == 0) {
                p->first_wildcard = (uint32_t)(segment.ptr - p->text.ptr);
            }
            p->wildcards++;
        }
    }
    return OK_STATUS;
}

struct status policy_pattern_parse(struct str written, struct policy_pattern *out)
{
    struct str path = str_starts_with(written, STR("/")) ? str_skip(written, 1) : written;
    TRY(check_written(path));
    struct policy_pattern p = {.text = path, .open = str_ends_with(path, STR("*"))};
    p.text.len -= p.open ? 1 : 0;
    p.first_wildcard = (uint32_t)p.text.len;
    TRY(look_at_segments(&p));
    p.kind = p.open ? POLICY_PATTERN_PREFIX : POLICY_PATTERN_EXACT;
    if (p.wildcards > 0) {
        p.kind = POLICY_PATTERN_SEGMENTS;
    }
    *out = p;
    return OK_STATUS;
}

static bool is_plus(struct str pattern, size_t at)
{
    return pattern.ptr[at] == '+' && (at == 0 || pattern.ptr[at - 1] == '/') &&
           (at + 1 == pattern.len || pattern.ptr[at + 1] == '/');
}

static bool segments_match(const struct policy_pattern *p, struct str path)
{
    size_t fixed = p->first_wildcard;
    if (!str_equal(str_first(p->text, fixed), str_first(path, fixed))) {
        return false;
    }
    size_t in_path = fixed;
    for (size_t i = fixed; i < p->text.len; i++) {
        if (is_plus(p->text, i)) {
            while (in_path < path.len && path.ptr[in_path] != '/') {
                in_path++;
            }
        } else if (in_path >= path.len || path.ptr[in_path++] != p->text.ptr[i]) {
            return false;
        }
    }
    return p->open || in_path == path.len;
}

bool policy_pattern_matches(const struct policy_pattern *p, struct str path)
{
    switch (p->kind) {
    case POLICY_PATTERN_EXACT:
        return str_equal(p->text, path);
    case POLICY_PATTERN_PREFIX:
        return str_starts_with(path, p->text);
    case POLICY_PATTERN_SEGMENTS:
        break;
    }
    return segments_match(p, path);
}

int policy_pattern_compare(const struct policy_pattern *a, const struct policy_pattern *b)
{
    bool a_exact = a->kind == POLICY_PATTERN_EXACT;
    bool b_exact = b->kind == POLICY_PATTERN_EXACT;
    if (a_exact != b_exact) {
        return a_exact ? 1 : -1;
    }
    if (a->first_wildcard != b->first_wildcard) {
        return a->first_wildcard > b->first_wildcard ? 1 : -1;
    }
    if (a->open != b->open) {
        return a->open ? -1 : 1;
    }
    if (a->wildcards != b->wildcards) {
        return a->wildcards > b->wildcards ? -1 : 1;
    }
    if (a->text.len != b->text.len) {
        return a->text.len > b->text.len ? 1 : -1;
    }
    return str_compare(a->text, b->text);
}
