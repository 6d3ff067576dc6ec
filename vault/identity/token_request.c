// SPDX-License-Identifier: ISC
#include "vault/identity/token_request.h"

#include "vault/core/address.h"
#include "vault/identity/token_lifetime.h"

static struct status read_text(struct json_value v, void *out)
{
    struct str text;
    TRY(json_as_str(v, &text));
    if (text.len > LIMIT_NAME_BYTES) {
        FAIL(INVALID, "longer than 256 bytes");
    }
    *(struct str *)out = text;
    return OK_STATUS;
}

// It becomes a header's value: visible characters only. A dot is left to the vault's own prefixes.
static struct status read_id(struct json_value v, void *out)
{
    struct str text = {NULL, 0};
    TRY(read_text(v, &text));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '.') {
            FAIL(INVALID, "a custom token ID consists of visible ASCII characters without a dot");
        }
    }
    *(struct str *)out = text;
    return OK_STATUS;
}

static struct status read_flag(struct json_value v, void *out)
{
    return json_as_bool(v, out);
}

static struct status read_count(struct json_value v, void *out)
{
    int64_t count;
    TRY(json_as_int(v, &count));
    if (count < 0) {
        FAIL(INVALID, "must not be negative");
    }
    *(int64_t *)out = count;
    return OK_STATUS;
}

static struct status read_duration(struct json_value v, void *out)
{
    return token_request_duration(v, out);
}

static struct status read_strings(struct json_value v, void *out)
{
    struct json_strings list;
    TRY(json_as_strings(v, &list));
    if (list.count > TOKEN_LIST_MAX) {
        FAIL(INVALID, "more than 64 entries");
    }
    *(struct json_strings *)out = list;
    return OK_STATUS;
}

static struct status read_cidrs(struct json_value v, void *out)
{
    struct json_strings list = {NULL, 0};
    TRY(read_strings(v, &list));
    for (size_t i = 0; i < list.count; i++) {
        TRY(address_check_cidr(list.items[i]));
    }
    *(struct json_strings *)out = list;
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
        FAIL(INVALID, "only allowed in combination with a token role");
    }
    return OK_STATUS;
}

struct field {
    const char *name;
    struct status (*read)(struct json_value v, void *out);
    size_t offset; // of what it fills in
};

#define FIELD(name, read, member)                                                                  \
    {                                                                                              \
        name, read, offsetof(struct token_request, member)                                         \
    }
static const struct field fields[] = {
    FIELD("id", read_id, id),
    FIELD("display_name", read_text, display_name),
    FIELD("policies", read_strings, policies),
    FIELD("bound_cidrs", read_cidrs, bound_cidrs),
    FIELD("meta", read_meta, meta),
    FIELD("no_parent", read_flag, no_parent),
    FIELD("no_default_policy", read_flag, no_default_policy),
    FIELD("renewable", read_flag, renewable),
    FIELD("lease", read_duration, ttl_s), // what old clients call it
    FIELD("ttl", read_duration, ttl_s),
    FIELD("period", read_duration, period_s),
    FIELD("explicit_max_ttl", read_duration, explicit_max_ttl_s),
    FIELD("num_uses", read_count, num_uses),
    {"type", refuse_other_types, 0},
    {"entity_alias", refuse_alias, 0},
};

struct status token_request_read(struct json_value body, struct token_request *out,
                                 const char **out_field)
{
    struct token_request r = {.meta = STR("{}"), .renewable = true};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct json_value v = json_get(body, fields[i].name);
        if (json_is_null(v)) {
            continue;
        }
        struct status s = fields[i].read(v, (char *)&r + fields[i].offset);
        if (!status_ok(s)) {
            *out_field = fields[i].name;
            return s;
        }
    }
    *out = r;
    return OK_STATUS;
}

struct status token_request_duration(struct json_value v, int64_t *out)
{
    struct str text;
    if (json_is_null(v) || (status_ok(json_as_str(v, &text)) && text.len == 0)) {
        return OK_STATUS;
    }
    int64_t seconds;
    TRY(json_as_duration_s(v, &seconds));
    if (seconds > TOKEN_DURATION_MAX_S) {
        FAIL(INVALID, "longer than a hundred years");
    }
    *out = seconds;
    return OK_STATUS;
}
