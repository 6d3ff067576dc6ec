// SPDX-License-Identifier: ISC
#include "vault/identity/token_role_grant.h"

#include "vault/policy/name.h"

bool token_role_decides(const struct token_role *role)
{
    return role->allowed_policies.count > 0 || role->disallowed_policies.count > 0 ||
           role->allowed_policies_glob.count > 0 || role->disallowed_policies_glob.count > 0;
}

static bool is_listed(const struct json_strings *names, const struct json_strings *globs,
                      struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->items[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; i < globs->count; i++) {
        if (policy_name_matches(globs->items[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_disallowed(const struct token_role *role, struct str name)
{
    return is_listed(&role->disallowed_policies, &role->disallowed_policies_glob, name);
}

static bool limits_to_allowed(const struct token_role *role)
{
    return role->allowed_policies.count + role->allowed_policies_glob.count > 0;
}

// Nobody has to allow the default policy where it is added anyway.
static struct status check_allowed(const struct token_role *role, const struct policy_set *set,
                                   bool add_default)
{
    for (size_t i = 0; i < set->count && limits_to_allowed(role); i++) {
        bool added = add_default && str_equal(set->items[i], DEFAULT_POLICY);
        if (!added &&
            !is_listed(&role->allowed_policies, &role->allowed_policies_glob, set->items[i])) {
            FAIL(INVALID, "token policies must be subset of the role's allowed policies or glob "
                          "policies");
        }
    }
    return OK_STATUS;
}

static struct status check_disallowed(const struct token_role *role, const struct policy_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (is_disallowed(role, set->items[i])) {
            FAIL(INVALID, "a token policy is disallowed by this role");
        }
    }
    return OK_STATUS;
}

struct status token_role_policies(const struct token_grant_input *in, const struct token_request *r,
                                  struct policy_set *out)
{
    const struct token_role *role = in->role;
    bool add_default =
        !r->no_default_policy && !role->no_default_policy && !is_disallowed(role, DEFAULT_POLICY);
    TRY(policy_set_read(out, &r->policies, in->arena));
    if (out->count > 0) {
        TRY(check_allowed(role, out, add_default));
    } else if (limits_to_allowed(role)) {
        for (size_t i = 0; i < role->allowed_policies.count; i++) {
            policy_set_add(out, role->allowed_policies.items[i]);
        }
    } else {
        policy_set_inherit(out, in->caller);
    }
    if (add_default) {
        policy_set_add(out, DEFAULT_POLICY);
    }
    return check_disallowed(role, out);
}

// The lesser of what was asked for and what the role says; 0 is no limit.
static int64_t lesser(int64_t asked, int64_t role, bool *out_both)
{
    if (asked == 0 || role == 0) {
        return asked + role;
    }
    *out_both = true;
    return asked < role ? asked : role;
}

struct status token_role_terms(const struct token_grant_input *in, struct token *t,
                               struct token_grant_notes *notes)
{
    const struct token_role *role = in->role;
    bool both_uses;
    t->role = role->name;
    t->renewable = t->renewable && role->renewable;
    t->num_uses = lesser(t->num_uses, role->num_uses, &both_uses);
    t->period_s = lesser(t->period_s, role->period_s, &notes->lesser_period);
    t->explicit_max_ttl_s =
        lesser(t->explicit_max_ttl_s, role->explicit_max_ttl_s, &notes->lesser_explicit_max_ttl);
    if (role->path_suffix.len == 0) {
        return OK_STATUS;
    }
    return arena_printf(in->arena, &t->path, "%.*s/%.*s", STR_ARG(in->path),
                        STR_ARG(role->path_suffix));
}
