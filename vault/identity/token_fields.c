// SPDX-License-Identifier: ISC
#include "vault/identity/token_fields.h"

#include "vault/core/address.h"
#include "vault/core/token.h"
#include "vault/identity/token_lifetime.h"

struct status token_fields_text(struct json_value v, void *out)
{
    struct str text;
    TRY(json_as_str(v, &text));
    if (text.len > LIMIT_NAME_BYTES) {
        FAIL(INVALID, "longer than 256 bytes");
    }
    *(struct str *)out = text;
    return OK_STATUS;
}

struct status token_fields_flag(struct json_value v, void *out)
{
    return json_as_bool(v, out);
}

struct status token_fields_count(struct json_value v, void *out)
{
    int64_t count;
    TRY(json_as_int(v, &count));
    if (count < 0) {
        FAIL(INVALID, "must not be negative");
    }
    *(int64_t *)out = count;
    return OK_STATUS;
}

struct status token_fields_duration(struct json_value v, void *out)
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
    *(int64_t *)out = seconds;
    return OK_STATUS;
}

struct status token_fields_strings(struct json_value v, void *out)
{
    struct json_strings list;
    TRY(json_as_strings(v, &list));
    if (list.count > TOKEN_LIST_MAX) {
        FAIL(INVALID, "more than 64 entries");
    }
    *(struct json_strings *)out = list;
    return OK_STATUS;
}

struct status token_fields_cidrs(struct json_value v, void *out)
{
    struct json_strings list = {NULL, 0};
    TRY(token_fields_strings(v, &list));
    for (size_t i = 0; i < list.count; i++) {
        TRY(address_check_cidr(list.items[i]));
    }
    *(struct json_strings *)out = list;
    return OK_STATUS;
}

struct status token_fields_read(struct json_value body, const struct token_field *fields,
                                size_t count, void *out, const char **out_field)
{
    for (size_t i = 0; i < count; i++) {
        struct json_value v = json_get(body, fields[i].name);
        if (json_is_null(v)) {
            continue;
        }
        struct status s = fields[i].read(v, (char *)out + fields[i].offset);
        if (!status_ok(s)) {
            *out_field = fields[i].name;
            return s;
        }
    }
    return OK_STATUS;
}
