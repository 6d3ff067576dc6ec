// SPDX-License-Identifier: ISC
// Reading parameters of tokens and roles: a table says which parameter goes where. Checked for
// shape only. Text is borrowed from the request.
#pragma once

#include "vault/base/json.h"

struct token_field {
    const char *name;
    struct status (*read)(struct json_value v, void *out);
    size_t offset; // of what it fills in
};

// What is absent or null stays as it is. INVALID, then `*out_field` is the literal name of the
// parameter.
struct status token_fields_read(struct json_value body, const struct token_field *fields,
                                size_t count, void *out, const char **out_field);

// Readers. INVALID with what would be right.
struct status token_fields_text(struct json_value v, void *out);     // struct str, 256 bytes
struct status token_fields_flag(struct json_value v, void *out);     // bool
struct status token_fields_count(struct json_value v, void *out);    // int64_t, not negative
struct status token_fields_duration(struct json_value v, void *out); // int64_t; "" is none
struct status token_fields_strings(struct json_value v, void *out);  // struct json_strings
struct status token_fields_cidrs(struct json_value v, void *out);    // struct json_strings
