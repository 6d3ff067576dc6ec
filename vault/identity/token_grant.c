// SPDX-License-Identifier: ISC
#include "vault/identity/token_grant.h"

#include <string.h>

#include "vault/base/limits.h"
#include "vault/identity/policy_set.h"
#include "vault/identity/token_role_grant.h"

static struct status names_copy(const struct policy_set *n, struct arena *arena, struct token *out)
{
    if (n->count > LIMIT_POLICIES_PER_TOKEN) {
        FAIL(INVALID, "a token can have 64 policies at most");
    }
    struct str *items = ARENA_ARRAY(arena, struct str, n->count + 1);
    if (items == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    memcpy(items, n->items, n->count * sizeof *items);
    out->policies = items;
    out->policy_count = n->count;
    return OK_STATUS;
}

static bool caller_has(const struct token *caller, struct str name)
{
    for (size_t i = 0; i < caller->policy_count; i++) {
        if (str_equal(caller->policies[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_subset(const struct policy_set *asked, const struct token *caller)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (!caller_has(caller, asked->items[i])) {
            return false;
        }
    }
    return true;
}

// Beside the caller's own policies, when neither he nor a role decides otherwise.
static struct status grant_own(const struct token_grant_input *in, const struct token_request *r,
                               struct policy_set *out)
{
    bool add_default = in->role == NULL || !in->role->no_default_policy;
    TRY(policy_set_read(out, &r->policies, in->arena));
    if (out->count == 0) {
        policy_set_inherit(out, in->caller);
        if (!add_default) {
            policy_set_remove(out, DEFAULT_POLICY);
        }
        return OK_STATUS;
    }
    if (!in->sudo && !is_subset(out, in->caller)) {
        FAIL(INVALID, "child policies must be subset of parent");
    }
    if (add_default && (in->sudo || caller_has(in->caller, DEFAULT_POLICY))) {
        policy_set_add(out, DEFAULT_POLICY);
    }
    return OK_STATUS;
}

static struct status grant_policies(const struct token_grant_input *in,
                                    const struct token_request *r, struct token *out)
{
    struct policy_set set = {.count = 0};
    if (in->role != NULL && token_role_decides(in->role)) {
        TRY(token_role_policies(in, r, &set));
    } else {
        TRY(grant_own(in, r, &set));
    }
    if (policy_set_has(&set, STR("root"))) {
        // Whatever else allows it, a role's glob for instance.
        if (!token_is_root(in->caller)) {
            FAIL(INVALID, "root tokens may not be created without parent token being root");
        }
        set = (struct policy_set){.items = {STR("root")}, .count = 1}; // needs no other
    }
    if (r->no_default_policy) {
        policy_set_remove(&set, DEFAULT_POLICY);
    }
    return names_copy(&set, in->arena, out);
}

// What a sudo capability on the path is needed for.
static struct status check_privileges(const struct token_grant_input *in,
                                      const struct token_request *r)
{
    // Else a child could escape the count.
    if (in->caller->num_uses > 0) {
        FAIL(INVALID, "restricted use token cannot generate child tokens");
    }
    if (in->sudo) {
        return OK_STATUS;
    }
    if (r->id.len > 0) {
        FAIL(INVALID, "root or sudo privileges required to specify token id");
    }
    if (r->no_parent && in->role == NULL) {
        FAIL(INVALID, "root or sudo privileges required to create orphan token");
    }
    if (r->period_s > 0) {
        FAIL(INVALID, "root or sudo privileges required to create periodic token");
    }
    bool by_role = in->role != NULL && in->role->bound_cidrs.count > 0;
    if (r->bound_cidrs.count > 0 && in->caller->bound_cidr_count > 0 && !by_role) {
        FAIL(INVALID, "root or sudo privileges required to change the parent's bound CIDRs");
    }
    return OK_STATUS;
}

static struct status grant_name(const struct token_request *r, struct arena *arena, struct str *out)
{
    static const char prefix[] = "token-";
    if (r->display_name.len == 0) {
        *out = STR("token");
        return OK_STATUS;
    }
    char *text = arena_alloc(arena, sizeof prefix + r->display_name.len);
    if (text == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    memcpy(text, prefix, sizeof prefix - 1);
    size_t len = sizeof prefix - 1;
    for (size_t i = 0; i < r->display_name.len; i++) {
        unsigned char c = (unsigned char)r->display_name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if ((c & 0xC0) != 0x80) { // one dash for a character of several octets
            text[len++] = plain ? (char)c : '-';
        }
    }
    len -= text[len - 1] == '-';
    *out = (struct str){text, len};
    return OK_STATUS;
}

static struct status grant_lifetime(const struct token_grant_input *in,
                                    const struct token_request *r, struct token *out,
                                    bool *out_capped)
{
    bool root = token_is_root(out);
    // A root token lasts as long as its explicit maximum says, for ever when that says nothing.
    int64_t ttl_s = root && r->ttl_s == 0 ? out->explicit_max_ttl_s : r->ttl_s;
    if (root && ttl_s == 0 && out->period_s == 0) {
        if (in->caller->expires_us != CLOCK_NEVER) {
            FAIL(INVALID, "expiring root tokens cannot create non-expiring root tokens");
        }
        out->expires_us = CLOCK_NEVER;
        out->renewable = false;
        *out_capped = false;
        return OK_STATUS;
    }
    const struct token_terms terms = {.ttl_s = ttl_s,
                                      .period_s = out->period_s,
                                      .explicit_max_ttl_s = out->explicit_max_ttl_s,
                                      .created_us = in->now_us};
    struct token_lifetime life;
    TRY(token_lifetime_grant(&terms, &in->limits, in->now_us, &life));
    out->ttl_s = life.ttl_s;
    out->expires_us = life.expires_us;
    *out_capped = life.capped;
    return OK_STATUS;
}

static void set_parent(const struct token_grant_input *in, const struct token_request *r,
                       struct token *out)
{
    out->orphan = in->orphan || (in->role == NULL ? r->no_parent : in->role->orphan);
    if (!out->orphan) {
        out->parent = in->caller->id;
    }
}

static void set_addresses(const struct token_grant_input *in, const struct token_request *r,
                          struct token *out)
{
    const struct json_strings parents = {in->caller->bound_cidrs, in->caller->bound_cidr_count};
    bool by_role = in->role != NULL && in->role->bound_cidrs.count > 0;
    const struct json_strings *chosen = by_role ? &in->role->bound_cidrs : &parents;
    // A role's can't be changed, a parent's only with sudo (check_privileges).
    if (r->bound_cidrs.count > 0 && !by_role) {
        chosen = &r->bound_cidrs;
    }
    out->bound_cidrs = chosen->items;
    out->bound_cidr_count = chosen->count;
}

struct status token_grant(const struct token_grant_input *in, const struct token_request *r,
                          struct token *out, struct token_grant_notes *out_notes)
{
    TRY(check_privileges(in, r));
    struct token_grant_notes notes = {false, false, false};
    struct token t = {
        .namespace_id = in->caller->namespace_id,
        .type = STR("service"),
        .path = in->path,
        .meta = r->meta,
        .role = STR(""),
        .renewable = r->renewable,
        .created_us = in->now_us,
        .period_s = r->period_s,
        .explicit_max_ttl_s = r->explicit_max_ttl_s,
        .num_uses = r->num_uses,
        .row_version = 1,
    };
    set_parent(in, r, &t);
    set_addresses(in, r, &t);
    if (in->role != NULL) {
        TRY(token_role_terms(in, &t, &notes));
    }
    t.uses_left = t.num_uses;
    TRY(grant_name(r, in->arena, &t.display_name));
    TRY(grant_policies(in, r, &t));
    TRY(grant_lifetime(in, r, &t, &notes.capped));
    *out = t;
    *out_notes = notes;
    return OK_STATUS;
}
