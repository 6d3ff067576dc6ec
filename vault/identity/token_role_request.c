// SPDX-License-Identifier: ISC
#include "vault/identity/token_role_request.h"

#include <string.h>

#include "vault/identity/policy_set.h"
#include "vault/identity/token_fields.h"
#include "vault/policy/name.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Of letters, digits and underscores, with dots and dashes inside: it becomes part of a path.
static bool is_segment(struct str text)
{
    if (text.len == 0 || text.len > LIMIT_NAME_BYTES || !is_word(text.ptr[0]) ||
        !is_word(text.ptr[text.len - 1])) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_word(c) && c != '-' && (c != '.' || text.ptr[i - 1] == '.')) {
            return false;
        }
    }
    return true;
}

struct status token_role_new(int64_t namespace_id, struct str name, struct token_role *out)
{
    if (!is_segment(name)) {
        FAIL(INVALID, "a role's name consists of letters, digits, _, and - and . inside");
    }
    *out = (struct token_role){.id = uuid_new(),
                               .namespace_id = namespace_id,
                               .name = name,
                               .path_suffix = STR(""),
                               .token_type = STR("default-service"),
                               .renewable = true};
    return OK_STATUS;
}

static struct status read_suffix(struct json_value v, void *out)
{
    struct str text = {NULL, 0};
    TRY(token_fields_text(v, &text));
    if (text.len > 0 && !is_segment(text)) {
        FAIL(INVALID, "must consist of letters, digits, _, and - and . inside");
    }
    *(struct str *)out = text;
    return OK_STATUS;
}

static struct status read_type(struct json_value v, void *out)
{
    struct str type;
    TRY(json_as_str(v, &type));
    if (str_equal_c(type, "batch") || str_equal_c(type, "default-batch")) {
        FAIL(INVALID, "batch tokens are not supported, ask for \"service\"");
    }
    if (!str_equal_c(type, "service") && !str_equal_c(type, "default-service")) {
        FAIL(INVALID, "must be \"service\" or \"default-service\"");
    }
    *(struct str *)out = type;
    return OK_STATUS;
}

static struct status refuse_aliases(struct json_value v, void *out)
{
    (void)out;
    struct json_strings aliases;
    TRY(json_as_strings(v, &aliases));
    if (aliases.count > 0) {
        FAIL(INVALID, "entity aliases are not supported");
    }
    return OK_STATUS;
}

#define FIELD(name, read, member)                                                                  \
    {                                                                                              \
        name, read, offsetof(struct token_role, member)                                            \
    }
// Where there are two names for one thing the later one counts: the first is what old clients say.
static const struct token_field fields[] = {
    FIELD("allowed_policies", token_fields_strings, allowed_policies),
    FIELD("disallowed_policies", token_fields_strings, disallowed_policies),
    FIELD("allowed_policies_glob", token_fields_strings, allowed_policies_glob),
    FIELD("disallowed_policies_glob", token_fields_strings, disallowed_policies_glob),
    FIELD("orphan", token_fields_flag, orphan),
    FIELD("renewable", token_fields_flag, renewable),
    FIELD("path_suffix", read_suffix, path_suffix),
    FIELD("bound_cidrs", token_fields_cidrs, bound_cidrs),
    FIELD("token_bound_cidrs", token_fields_cidrs, bound_cidrs),
    FIELD("period", token_fields_duration, period_s),
    FIELD("token_period", token_fields_duration, period_s),
    FIELD("explicit_max_ttl", token_fields_duration, explicit_max_ttl_s),
    FIELD("token_explicit_max_ttl", token_fields_duration, explicit_max_ttl_s),
    FIELD("token_num_uses", token_fields_count, num_uses),
    FIELD("token_no_default_policy", token_fields_flag, no_default_policy),
    FIELD("token_type", read_type, token_type),
    {"allowed_entity_aliases", refuse_aliases, 0},
};

static struct status normalise_names(struct json_strings *list, struct arena *arena)
{
    struct policy_set set = {.count = 0};
    TRY(policy_set_read(&set, list, arena));
    struct str *items = ARENA_ARRAY(arena, struct str, set.count + 1);
    if (items == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    memcpy(items, set.items, set.count * sizeof *items);
    *list = (struct json_strings){items, set.count};
    return OK_STATUS;
}

static struct status normalise_globs(struct json_strings *list, struct arena *arena)
{
    struct str *items = ARENA_ARRAY(arena, struct str, list->count + 1);
    if (items == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (size_t i = 0; i < list->count; i++) {
        TRY(policy_name_normalise_glob(list->items[i], arena, &items[i]));
    }
    *list = (struct json_strings){items, list->count};
    return OK_STATUS;
}

static struct status normalise(struct arena *arena, struct token_role *role, const char **out_field)
{
    *out_field = "allowed_policies";
    TRY(normalise_names(&role->allowed_policies, arena));
    *out_field = "disallowed_policies";
    TRY(normalise_names(&role->disallowed_policies, arena));
    *out_field = "allowed_policies_glob";
    TRY(normalise_globs(&role->allowed_policies_glob, arena));
    *out_field = "disallowed_policies_glob";
    return normalise_globs(&role->disallowed_policies_glob, arena);
}

struct status token_role_read(struct json_value body, struct arena *arena, struct token_role *role,
                              const char **out_field)
{
    TRY(token_fields_read(body, fields, ARRAY_LEN(fields), role, out_field));
    return normalise(arena, role, out_field);
}
