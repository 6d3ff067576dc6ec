// SPDX-License-Identifier: ISC
// Roles of auth/token: the terms of the tokens that are made against one. Rows of the catalog,
// because a role gives policies that its caller need not have (vault/identity/token_grant.h).
#pragma once

#include "vault/base/json.h"
#include "vault/base/uuid.h"
#include "vault/crypto/keyring.h"
#include "vault/store/session.h"

struct token_role {
    struct uuid id;
    int64_t namespace_id;
    struct str name;
    // Names of policies in their normal form; globs have stars anywhere.
    struct json_strings allowed_policies;
    struct json_strings disallowed_policies;
    struct json_strings allowed_policies_glob;
    struct json_strings disallowed_policies_glob;
    struct json_strings bound_cidrs;
    struct str path_suffix;
    struct str token_type; // service, or default-service
    bool orphan;
    bool renewable;
    bool no_default_policy;
    int64_t period_s; // 0 for what isn't limited
    int64_t explicit_max_ttl_s;
    int64_t num_uses;
    int64_t row_version;
};

// All of them in order of name, in `arena`. INTEGRITY for a row that was altered.
struct status token_role_load(const struct keyring *k, struct session *s, struct arena *arena,
                              struct token_role **out, size_t *out_count);

// Within a change of the catalog. `r->row_version` is that of the row to be replaced, 0 for a new
// one. CONFLICT when that has changed.
struct status token_role_put(const struct keyring *k, struct session *s,
                             const struct token_role *r);
// NOT_FOUND
struct status token_role_delete(struct session *s, int64_t namespace_id, struct str name);
