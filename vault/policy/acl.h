// SPDX-License-Identifier: ISC
// What the union of some policies allows: built once per set of policies, then asked on every
// request. Immutable, so that any number of fibers may ask at once.
//
// One rule decides about a request: the exact one for its path, else the matching pattern of the
// highest priority (pattern.h). Rules with the same pattern in several policies are one: the sum of
// their capabilities, unless one of them denies. No rule means no.
//
// LIST and SCAN ask for the folder, "a/b/", and for "a/b": the more specific rule of the two
// decides, and between equally specific ones a denial. So does a denial of "a/b" when anything else
// is asked of "a/b/" (CVE-2026-63131: whether there is a slash must not decide about a denial).
//
// Paths are those of the API without /v1/ and without a leading slash, decoded, free of dot and
// empty segments: the router sees to that before it asks.
#pragma once

#include "vault/base/json.h"
#include "vault/policy/policy.h"

#define ACL_REASON_TABLE(X)                                                                        \
    X(ROOT, "the token has the root policy")                                                       \
    X(HELP, "help is open to every token")                                                         \
    X(GRANTED, "the rule grants it")                                                               \
    X(NO_RULE, "no rule matches the path")                                                         \
    X(DENIED, "the rule denies the path")                                                          \
    X(NOT_GRANTED, "the rule does not grant the capability")                                       \
    X(WRAPPING, "the answer must be wrapped for a time within the rule's limits")                  \
    X(PARAMETER_MISSING, "a parameter that the rule requires is missing")                          \
    X(PARAMETER_DENIED, "the rule denies a parameter or its value")                                \
    X(PARAMETER_NOT_ALLOWED, "the rule does not allow a parameter or its value")                   \
    X(EXPIRED, "a rule has expired since the policies were put together")

enum acl_reason {
#define X(name, text) ACL_##name,
    ACL_REASON_TABLE(X)
#undef X
        ACL_REASON_COUNT
};
const char *acl_reason_text(enum acl_reason reason);

struct acl;

void acl_free(struct acl *a); // NULL is fine
void acl_cleanup(struct acl **a);

struct acl_input {
    const struct policy *const *policies; // borrowed: they outlive the ACL
    size_t count;
    bool root;      // may do everything; decided by who holds the token, never by a policy's text
    int64_t now_us; // rules that have expired by then are left out
};
// NOMEM.
struct status acl_build(const struct acl_input *input, struct acl **out);

// When the next of its rules expires, CLOCK_NEVER if none does: from then on it must be built anew,
// and acl_check refuses everything.
int64_t acl_expires_us(const struct acl *a);

struct acl_request {
    struct str path;
    enum policy_operation operation;
    struct json_value parameters; // the request's object; JSON_NONE when it has none
    int64_t wrap_ttl_s;           // how long the answer will be wrapped; 0 when it won't
    int64_t now_us;
};

struct acl_decision {
    bool allowed;
    bool sudo; // may use paths that are reserved to administrators
    bool root;
    enum acl_reason reason;
    int64_t page_limit; // of LIST and SCAN; 0 is unbounded
};
void acl_check(const struct acl *a, const struct acl_request *request, struct acl_decision *out);

// How many entries a page may have when the request asks for `asked` (0 or less: it doesn't say).
// 0 is unbounded. DENIED when it asks for more than the rule allows.
struct status acl_page_size(const struct acl_decision *d, int64_t asked, int64_t *out);

// The capabilities on a path as the API reports them: POLICY_ROOT alone, POLICY_DENY alone when
// there are none, otherwise what is granted.
uint32_t acl_capabilities(const struct acl *a, struct str path);

// Whether some rule grants anything at or below `folder` ("mount/"): who may see that a mount
// exists. Denials by other rules are not subtracted.
bool acl_reaches(const struct acl *a, struct str folder);

// Where a decision comes from.
struct acl_source {
    struct str policy;
    const struct policy_rule *rule;
};
struct acl_explanation {
    struct acl_decision decision;
    struct str pattern;               // as written, of the rule that decided; empty if none did
    const struct acl_source *sources; // the policies that have it, borrowed from the ACL
    size_t source_count;
};
void acl_explain(const struct acl *a, const struct acl_request *request,
                 struct acl_explanation *out);
