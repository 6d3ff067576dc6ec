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

// Lower-case, made of the letters of names and of `more`.
static struct status fold(struct str name, const char *more, struct arena *arena, struct str *out)
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
        if (!is_allowed(c) && (c == '\0' || strchr(more, c) == NULL)) {
            FAIL(INVALID, "a policy name consists of letters, digits and -_.:@=+/");
        }
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    *out = (struct str){text, name.len};
    return OK_STATUS;
}

struct status policy_name_normalise(struct str name, struct arena *arena, struct str *out)
{
    struct str normal;
    TRY(fold(name, "", arena, &normal));
    if (!segments_ok(normal)) {
        FAIL(INVALID, "a policy name has no empty or dot segments between its slashes");
    }
    if (policy_name_is_root(normal)) {
        FAIL(INVALID, "\"root\" is not a policy that can be named here");
    }
    *out = normal;
    return OK_STATUS;
}

struct status policy_name_normalise_glob(struct str glob, struct arena *arena, struct str *out)
{
    return fold(glob, "*", arena, out);
}

bool policy_name_matches(struct str glob, struct str name)
{
    size_t g = 0;
    size_t n = 0;
    size_t star = SIZE_MAX; // the last one met; it has swallowed the name up to `resume`
    size_t resume = 0;
    while (n < name.len) {
        if (g < glob.len && glob.ptr[g] == '*') {
            star = g++;
            resume = n;
        } else if (g < glob.len && glob.ptr[g] == name.ptr[n]) {
            g++;
            n++;
        } else if (star != SIZE_MAX) {
            g = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.ptr[g] == '*') {
        g++;
    }
    return g == glob.len;
}
