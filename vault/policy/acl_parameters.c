// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "vault/policy/acl_internal.h"

static int fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

// Order of a request's key, capitals aside, against a name in lower case.
static int compare_folded(struct str key, struct str name)
{
    size_t shared = key.len < name.len ? key.len : name.len;
    for (size_t i = 0; i < shared; i++) {
        int order = fold(key.ptr[i]) - (unsigned char)name.ptr[i];
        if (order != 0) {
            return order;
        }
    }
    return (key.len > name.len) - (key.len < name.len);
}

static const struct policy_parameter *find_parameter(const struct policy_parameters *p,
                                                     struct str key)
{
    size_t low = 0;
    size_t high = p->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_folded(key, p->items[middle].name);
        if (order == 0) {
            return &p->items[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static bool contains(struct str s, struct str part)
{
    for (size_t i = 0; i + part.len <= s.len; i++) {
        if (str_equal(str_first(str_skip(s, i), part.len), part)) {
            return true;
        }
    }
    return false;
}

// Stars at either end of a glob stand for anything.
static bool glob_matches(struct str glob, struct str value)
{
    bool open_start = str_starts_with(glob, STR("*"));
    bool open_end = glob.len > 1 && str_ends_with(glob, STR("*"));
    struct str middle = str_skip(glob, open_start ? 1 : 0);
    middle.len -= open_end ? 1 : 0;
    if (open_start && open_end) {
        return contains(value, middle);
    }
    if (open_start) {
        return str_ends_with(value, middle);
    }
    return open_end ? str_starts_with(value, middle) : str_equal(value, middle);
}

static bool any_matches(const struct policy_strings *globs, struct str value)
{
    for (size_t i = 0; i < globs->count; i++) {
        if (glob_matches(globs->items[i], value)) {
            return true;
        }
    }
    return false;
}

// A scalar's text: engines take 5 and "5" for the same, so policies must as well. False for lists,
// objects and text that can't be decoded.
static bool scalar_text(struct json_value v, struct str *out)
{
    switch (json_kind(v)) {
    case JSON_STRING:
        return status_ok(json_as_str(v, out));
    case JSON_BOOL:
    case JSON_NUMBER:
    case JSON_NULL:
        *out = json_raw(v);
        return true;
    case JSON_NONE:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return false;
}

// Engines split strings at commas where they expect a list, so a denied value may hide in one.
static bool denied_text(const struct policy_strings *denied, struct str text)
{
    if (any_matches(denied, text)) {
        return true;
    }
    bool more = true;
    while (more) {
        struct str part;
        more = str_split(text, ',', &part, &text);
        if (any_matches(denied, str_trim(part))) {
            return true;
        }
    }
    return false;
}

// When in doubt, denied.
static bool scalar_denied(const struct policy_strings *denied, struct json_value v)
{
    struct str text;
    if (scalar_text(v, &text)) {
        return denied_text(denied, text);
    }
    return json_kind(v) == JSON_STRING;
}

static bool value_denied(const struct policy_strings *denied, struct json_value v)
{
    if (denied->count == 0) {
        return true;
    }
    if (json_kind(v) != JSON_ARRAY) {
        return scalar_denied(denied, v);
    }
    struct json_iter it = json_iterate(v);
    while (json_next(&it)) {
        if (scalar_denied(denied, it.value)) {
            return true;
        }
    }
    return false;
}

static bool scalar_allowed(const struct policy_strings *allowed, struct json_value v)
{
    struct str text;
    return scalar_text(v, &text) && any_matches(allowed, text);
}

static bool value_allowed(const struct policy_strings *allowed, struct json_value v)
{
    if (allowed->count == 0) {
        return true;
    }
    if (json_kind(v) != JSON_ARRAY) {
        return scalar_allowed(allowed, v);
    }
    struct json_iter it = json_iterate(v);
    while (json_next(&it)) {
        if (!scalar_allowed(allowed, it.value)) {
            return false;
        }
    }
    return true;
}

static bool required_present(const struct policy_strings *required, struct json_value parameters)
{
    for (size_t i = 0; i < required->count; i++) {
        if (!json_present(json_get_str(parameters, required->items[i]))) {
            return false;
        }
    }
    return true;
}

static bool all_allowed(const struct policy_parameters *allowed, struct json_value parameters)
{
    bool others = find_parameter(allowed, STR("*")) != NULL;
    struct json_iter it = json_iterate(parameters);
    while (json_next(&it)) {
        const struct policy_parameter *p = find_parameter(allowed, it.key);
        if (p == NULL ? !others : !value_allowed(&p->values, it.value)) {
            return false;
        }
    }
    return true;
}

static bool any_denied(const struct policy_parameters *denied, struct json_value parameters)
{
    bool all = find_parameter(denied, STR("*")) != NULL;
    struct json_iter it = json_iterate(parameters);
    while (json_next(&it)) {
        const struct policy_parameter *p = find_parameter(denied, it.key);
        if (all || (p != NULL && value_denied(&p->values, it.value))) {
            return true;
        }
    }
    return false;
}

enum acl_reason acl_check_parameters(const struct acl_entry *e, struct json_value parameters)
{
    if (!required_present(&e->required, parameters)) {
        return ACL_PARAMETER_MISSING;
    }
    if (e->denied.count > 0 && any_denied(&e->denied, parameters)) {
        return ACL_PARAMETER_DENIED;
    }
    if (e->allowed.count > 0 && !all_allowed(&e->allowed, parameters)) {
        return ACL_PARAMETER_NOT_ALLOWED;
    }
    return ACL_GRANTED;
}
