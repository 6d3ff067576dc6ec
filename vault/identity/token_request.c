// SPDX-License-Identifier: ISC
#include "vault/identity/token_request.h"

#include "vault/identity/token_fields.h"

// It becomes a header's value: visible characters only. A dot is left to the vault's own prefixes.
static struct status read_id(struct json_value v, void *out)
{
    struct str text = {NULL, 0};
    TRY(token_fields_text(v, &text));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '.') {
            FAIL(INVALID, "a custom token ID consists of visible ASCII characters without a dot");
        }
    }
    *(struct str *)out = text;
    return OK_STATUS;
}

static struct status check_entry(const struct json_iter *it)
{
    struct str value;
    if (json_kind(it->value) != JSON_STRING) {
        FAIL(INVALID, "every value must be a string");
    }
    TRY(json_as_str(it->value, &value));
    if (it->key.len > LIMIT_METADATA_KEY_BYTES || value.len > LIMIT_METADATA_VALUE_BYTES) {
        FAIL(INVALID, "a key has 128 bytes at most, a value 512");
    }
    return OK_STATUS;
}

static struct status read_meta(struct json_value v, void *out)
{
    if (json_kind(v) != JSON_OBJECT) {
        FAIL(INVALID, "expected an object of strings");
    }
    if (json_count(v) > LIMIT_METADATA_ENTRIES) {
        FAIL(INVALID, "more than 64 entries");
    }
    struct json_iter it = json_iterate(v);
    while (json_next(&it)) {
        TRY(check_entry(&it));
    }
    *(struct str *)out = json_count(v) > 0 ? json_raw(v) : STR("{}");
    return OK_STATUS;
}

static struct status refuse_other_types(struct json_value v, void *out)
{
    (void)out;
    struct str type;
    TRY(json_as_str(v, &type));
    if (str_equal_c(type, "batch")) {
        FAIL(INVALID, "batch tokens are not supported, ask for \"service\"");
    }
    if (type.len > 0 && !str_equal_c(type, "service")) {
        FAIL(INVALID, "must be \"service\"");
    }
    return OK_STATUS;
}

static struct status refuse_alias(struct json_value v, void *out)
{
    (void)out;
    struct str alias;
    TRY(json_as_str(v, &alias));
    if (alias.len > 0) {
        FAIL(INVALID, "entity aliases are not supported");
    }
    return OK_STATUS;
}

#define FIELD(name, read, member)                                                                  \
    {                                                                                              \
        name, read, offsetof(struct token_request, member)                                         \
    }
static const struct token_field fields[] = {
    FIELD("id", read_id, id),
    FIELD("display_name", token_fields_text, display_name),
    FIELD("policies", token_fields_strings, policies),
    FIELD("bound_cidrs", token_fields_cidrs, bound_cidrs),
    FIELD("meta", read_meta, meta),
    FIELD("no_parent", token_fields_flag, no_parent),
    FIELD("no_default_policy", token_fields_flag, no_default_policy),
    FIELD("renewable", token_fields_flag, renewable),
    FIELD("lease", token_fields_duration, ttl_s), // what old clients call it
    FIELD("ttl", token_fields_duration, ttl_s),
    FIELD("period", token_fields_duration, period_s),
    FIELD("explicit_max_ttl", token_fields_duration, explicit_max_ttl_s),
    FIELD("num_uses", token_fields_count, num_uses),
    {"type", refuse_other_types, 0},
    {"entity_alias", refuse_alias, 0},
};

struct status token_request_read(struct json_value body, struct token_request *out,
                                 const char **out_field)
{
    struct token_request r = {.meta = STR("{}"), .renewable = true};
    TRY(token_fields_read(body, fields, ARRAY_LEN(fields), &r, out_field));
    *out = r;
    return OK_STATUS;
}

struct status token_request_duration(struct json_value v, int64_t *out)
{
    return token_fields_duration(v, out);
}
