// SPDX-License-Identifier: ISC
#include "vault/policy/acl.h"

#include "vault/policy/acl_internal.h"

const char *acl_reason_text(enum acl_reason reason)
{
    static const char *const texts[] = {
#define X(name, text) text,
        ACL_REASON_TABLE(X)
#undef X
    };
    REQUIRE(reason < ACL_REASON_COUNT);
    return texts[reason];
}

static struct str without_leading_slashes(struct str path)
{
    while (str_starts_with(path, STR("/"))) {
        path = str_skip(path, 1);
    }
    return path;
}

static bool carries_parameters(enum policy_operation operation)
{
    return operation == POLICY_OP_READ || operation == POLICY_OP_CREATE ||
           operation == POLICY_OP_UPDATE || operation == POLICY_OP_PATCH;
}

// Rules merged from several policies may ask for more than they allow; then nothing fits.
static bool wrapping_fits(const struct acl_entry *e, int64_t wrap_ttl_s)
{
    if (e->max_wrapping_ttl_s > 0 && (wrap_ttl_s <= 0 || wrap_ttl_s > e->max_wrapping_ttl_s)) {
        return false;
    }
    return e->min_wrapping_ttl_s == 0 || wrap_ttl_s >= e->min_wrapping_ttl_s;
}

static enum acl_reason judge(const struct acl_entry *e, const struct acl_request *request)
{
    if (e == NULL) {
        return ACL_NO_RULE;
    }
    if (e->capabilities & POLICY_DENY) {
        return ACL_DENIED;
    }
    if ((e->capabilities & policy_operation_needs(request->operation)) == 0) {
        return ACL_NOT_GRANTED;
    }
    if (!wrapping_fits(e, request->wrap_ttl_s)) {
        return ACL_WRAPPING;
    }
    if (carries_parameters(request->operation)) {
        return acl_check_parameters(e, request->parameters);
    }
    return ACL_GRANTED;
}

static const struct acl_entry *decide(const struct acl *a, const struct acl_request *request,
                                      struct acl_decision *out)
{
    *out = (struct acl_decision){.reason = ACL_ROOT, .root = a->root};
    if (a->root) {
        out->allowed = true;
        out->sudo = true;
        return NULL;
    }
    if (request->operation == POLICY_OP_HELP) {
        out->reason = ACL_HELP;
        out->allowed = true;
        return NULL;
    }
    if (request->now_us >= a->expires_us) {
        out->reason = ACL_EXPIRED;
        return NULL;
    }
    struct str path = without_leading_slashes(request->path);
    const struct acl_entry *e = acl_find_for(a, path, request->operation);
    out->reason = judge(e, request);
    out->allowed = out->reason == ACL_GRANTED;
    if (e != NULL) {
        out->sudo = (e->capabilities & POLICY_SUDO) != 0;
        out->page_limit = e->page_limit;
    }
    return e;
}

void acl_check(const struct acl *a, const struct acl_request *request, struct acl_decision *out)
{
    decide(a, request, out);
}

void acl_explain(const struct acl *a, const struct acl_request *request,
                 struct acl_explanation *out)
{
    *out = (struct acl_explanation){.source_count = 0};
    const struct acl_entry *e = decide(a, request, &out->decision);
    if (e != NULL) {
        out->pattern = e->sources[0].rule->written;
        out->sources = e->sources;
        out->source_count = e->source_count;
    }
}

struct status acl_page_size(const struct acl_decision *d, int64_t asked, int64_t *out)
{
    if (d->page_limit > 0 && asked > d->page_limit) {
        FAIL(DENIED, "the policy allows fewer entries a page");
    }
    *out = asked > 0 ? asked : d->page_limit;
    return OK_STATUS;
}

static uint32_t granted_to(const struct acl *a, struct str path, enum policy_operation operation)
{
    const struct acl_entry *e = acl_find_for(a, path, operation);
    return e == NULL ? 0 : e->capabilities & ~(uint32_t)POLICY_DENY;
}

uint32_t acl_capabilities(const struct acl *a, struct str path)
{
    if (a->root) {
        return POLICY_ROOT;
    }
    enum { OF_FOLDERS = POLICY_LIST | POLICY_SCAN };
    struct str bare = without_leading_slashes(path);
    uint32_t own = granted_to(a, bare, POLICY_OP_READ) & ~(uint32_t)OF_FOLDERS;
    uint32_t folder = granted_to(a, bare, POLICY_OP_LIST) & OF_FOLDERS;
    return (own | folder) != 0 ? own | folder : POLICY_DENY;
}

// Whether a path that begins with `folder` could match: the pattern's fixed part and the folder
// don't contradict each other, segment by segment.
static bool may_match_below(const struct policy_pattern *p, struct str folder)
{
    struct str pattern = p->text;
    while (folder.len > 0) {
        struct str want;
        struct str have;
        bool pattern_goes_on = str_split(pattern, '/', &want, &pattern);
        bool folder_goes_on = str_split(folder, '/', &have, &folder);
        bool any = p->kind == POLICY_PATTERN_SEGMENTS && str_equal_c(want, "+");
        if (!pattern_goes_on) {
            return p->open ? str_starts_with(have, want)
                           : (any || str_equal(want, have)) && folder.len == 0;
        }
        if ((!any && !str_equal(want, have)) || !folder_goes_on) {
            return false;
        }
    }
    return true;
}

static bool table_reaches(const struct acl_table *t, struct str folder)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct acl_entry *e = &t->entries[i];
        bool grants = e->capabilities != 0 && (e->capabilities & POLICY_DENY) == 0;
        if (grants && may_match_below(&e->pattern, folder)) {
            return true;
        }
    }
    return false;
}

bool acl_reaches(const struct acl *a, struct str folder)
{
    struct str path = without_leading_slashes(folder);
    return a->root || table_reaches(&a->exact, path) || table_reaches(&a->prefixes, path) ||
           table_reaches(&a->segments, path);
}
