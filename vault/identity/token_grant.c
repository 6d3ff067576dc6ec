// SPDX-License-Identifier: ISC
#include "vault/identity/token_grant.h"

#include <string.h>

#include "vault/base/limits.h"
#include "vault/policy/name.h"

#define DEFAULT_POLICY STR("default")

struct names {
    struct str items[TOKEN_LIST_MAX + 1];
    size_t count;
};

static bool list_has(const struct str *items, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(items[i], name)) {
            return true;
        }
    }
    return false;
}

// Sorted and without repetition.
static void names_add(struct names *n, struct str name)
{
    if (list_has(n->items, n->count, name)) {
        return;
    }
    REQUIRE(n->count < ARRAY_LEN(n->items));
    size_t at = n->count++;
    while (at > 0 && str_compare(n->items[at - 1], name) > 0) {
        n->items[at] = n->items[at - 1];
        at--;
    }
    n->items[at] = name;
}

static void names_remove(struct names *n, struct str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->count; i++) {
        if (!str_equal(n->items[i], name)) {
            n->items[kept++] = n->items[i];
        }
    }
    n->count = kept;
}

static struct status names_copy(const struct names *n, struct arena *arena, struct token *out)
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

// "root" is recognised in exactly this form; every other name is brought into its normal form
// before anything is decided about it (CVE-2025-5999).
static struct status read_names(const struct json_strings *written, struct arena *arena,
                                struct names *out)
{
    for (size_t i = 0; i < written->count; i++) {
        struct str name = written->items[i];
        if (!policy_name_is_root(name)) {
            TRY(policy_name_normalise(name, arena, &name));
        }
        names_add(out, name);
    }
    return OK_STATUS;
}

static bool is_subset(const struct names *asked, const struct token *caller)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (!list_has(caller->policies, caller->policy_count, asked->items[i])) {
            return false;
        }
    }
    return true;
}

static void inherit(const struct token *caller, struct names *out)
{
    for (size_t i = 0; i < caller->policy_count; i++) {
        names_add(out, caller->policies[i]);
    }
}

static struct status check_asked(const struct token_grant_input *in, const struct names *asked)
{
    if (list_has(asked->items, asked->count, STR("root")) && !token_is_root(in->caller)) {
        FAIL(INVALID, "root tokens may not be created without parent token being root");
    }
    if (!in->sudo && !is_subset(asked, in->caller)) {
        FAIL(INVALID, "child policies must be subset of parent");
    }
    return OK_STATUS;
}

static struct status grant_policies(const struct token_grant_input *in,
                                    const struct token_request *r, struct token *out)
{
    const struct token *caller = in->caller;
    struct names names = {.count = 0};
    TRY(read_names(&r->policies, in->arena, &names));
    if (names.count == 0) {
        inherit(caller, &names);
    } else {
        TRY(check_asked(in, &names));
        if (in->sudo || list_has(caller->policies, caller->policy_count, DEFAULT_POLICY)) {
            names_add(&names, DEFAULT_POLICY);
        }
    }
    if (list_has(names.items, names.count, STR("root"))) {
        names = (struct names){.items = {STR("root")}, .count = 1}; // needs no other
    }
    if (r->no_default_policy) {
        names_remove(&names, DEFAULT_POLICY);
    }
    return names_copy(&names, in->arena, out);
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
    if (r->no_parent) {
        FAIL(INVALID, "root or sudo privileges required to create orphan token");
    }
    if (r->period_s > 0) {
        FAIL(INVALID, "root or sudo privileges required to create periodic token");
    }
    if (r->bound_cidrs.count > 0 && in->caller->bound_cidr_count > 0) {
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
    int64_t ttl_s = root && r->ttl_s == 0 ? r->explicit_max_ttl_s : r->ttl_s;
    if (root && ttl_s == 0 && r->period_s == 0) {
        if (in->caller->expires_us != CLOCK_NEVER) {
            FAIL(INVALID, "expiring root tokens cannot create non-expiring root tokens");
        }
        out->expires_us = CLOCK_NEVER;
        out->renewable = false;
        *out_capped = false;
        return OK_STATUS;
    }
    const struct token_terms terms = {.ttl_s = ttl_s,
                                      .period_s = r->period_s,
                                      .explicit_max_ttl_s = r->explicit_max_ttl_s,
                                      .created_us = in->now_us};
    struct token_lifetime life;
    TRY(token_lifetime_grant(&terms, &in->limits, in->now_us, &life));
    out->ttl_s = life.ttl_s;
    out->expires_us = life.expires_us;
    *out_capped = life.capped;
    return OK_STATUS;
}

struct status token_grant(const struct token_grant_input *in, const struct token_request *r,
                          struct token *out, bool *out_capped)
{
    TRY(check_privileges(in, r));
    bool orphan = in->orphan || r->no_parent;
    bool own_cidrs = r->bound_cidrs.count > 0;
    const struct uuid no_parent = {0};
    struct token t = {
        .namespace_id = in->caller->namespace_id,
        .parent = orphan ? no_parent : in->caller->id,
        .type = STR("service"),
        .path = in->path,
        .meta = r->meta,
        .role = STR(""),
        .bound_cidrs = own_cidrs ? r->bound_cidrs.items : in->caller->bound_cidrs,
        .bound_cidr_count = own_cidrs ? r->bound_cidrs.count : in->caller->bound_cidr_count,
        .orphan = orphan,
        .renewable = r->renewable,
        .created_us = in->now_us,
        .period_s = r->period_s,
        .explicit_max_ttl_s = r->explicit_max_ttl_s,
        .num_uses = r->num_uses,
        .row_version = 1,
        .uses_left = r->num_uses,
    };
    TRY(grant_name(r, in->arena, &t.display_name));
    TRY(grant_policies(in, r, &t));
    TRY(grant_lifetime(in, r, &t, out_capped));
    *out = t;
    return OK_STATUS;
}
