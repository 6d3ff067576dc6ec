// SPDX-License-Identifier: ISC
#include "vault/policy/name.h"

#include <string.h>

#include "vault/base/limits.h"

bool policy_name_is_root(struct str name)
{
    return str_equal_c(name, "root");
}

static bool is_allowed(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-_.:@=+/", c) != NULL);
}

static bool is_dots(struct str segment)
{
    return str_equal_c(segment, ".") || str_equal_c(segment, "..");
}

// A name is part of a path of the API, so it must survive there unchanged.
static bool segments_ok(struct str name)
{
    bool more = true;
    while (more) {
        struct str segment;
        more = str_split(name, '/', &segment, &name);
        if (segment.len == 0 || is_dots(segment)) {
            return false;
        }
    }
    return true;
}

struct status policy_name_normalise(struct str name, struct arena *arena, struct str *out)
{
    if (name.len == 0 || name.len > LIMIT_NAME_BYTES) {
        FAIL(INVALID, "a policy name has 1 to 256 characters");
    }
    char *text = arena_alloc(arena, name.len);
    if (text == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_allowed(c)) {
            FAIL(INVALID, "a policy name consists of letters, digits and -_.:@=+/");
        }
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    struct str normal = {text, name.len};
    if (!segments_ok(normal)) {
        FAIL(INVALID, "a policy name has no empty or dot segments between its slashes");
    }
    if (policy_name_is_root(normal)) {
        FAIL(INVALID, "\"root\" is not a policy that can be named here");
    }
    *out = normal;
    return OK_STATUS;
}
