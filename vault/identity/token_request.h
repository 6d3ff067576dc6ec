// SPDX-License-Identifier: ISC
// The parameters of auth/token/create, as the client sent them, checked for shape only: who may ask
// for what is token_grant.h's business. Unknown parameters are ignored.
#pragma once

#include "vault/base/json.h"

struct token_request {
    struct str id; // sensitive; empty: one is made
    struct str display_name;
    struct json_strings policies; // as written
    struct json_strings bound_cidrs;
    struct str meta; // JSON object of strings
    bool no_parent;
    bool no_default_policy;
    bool renewable;
    int64_t ttl_s; // 0 for durations that were not given
    int64_t period_s;
    int64_t explicit_max_ttl_s;
    int64_t num_uses;
};

// Text is borrowed from `body`. INVALID, then `*out_field` is the literal name of the parameter.
struct status token_request_read(struct json_value body, struct token_request *out,
                                 const char **out_field);

// One optional duration, such as a renewal's increment. INVALID.
struct status token_request_duration(struct json_value v, int64_t *out);
