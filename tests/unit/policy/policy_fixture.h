// SPDX-License-Identifier: ISC
// Policies and ACLs made from text, for tests about what they decide.
#pragma once

#include <stdio.h>

#include "vault/base/clock.h"
#include "vault/base/limits.h"
#include "vault/policy/acl.h"

#include "tests/support/test.h"

enum { FIXTURE_POLICIES = 4 };

struct fixture {
    struct policy *policies[FIXTURE_POLICIES];
    struct acl *acl;
    struct arena *arena;
};

// Policies p0, p1, ... from `texts`, ended by NULL.
static inline void fixture_open_at(struct fixture *f, int64_t now_us, const char *const *texts)
{
    *f = (struct fixture){.arena = arena_new(LIMIT_ARENA_BYTES)};
    const struct policy *all[FIXTURE_POLICIES];
    size_t count = 0;
    for (; texts[count] != NULL; count++) {
        char name[3] = {'p', (char)('0' + count), '\0'};
        struct text_error error;
        struct status s =
            policy_parse(str_from_c(name), str_from_c(texts[count]), &f->policies[count], &error);
        if (!status_ok(s)) {
            fail_msg("%s: %u:%u: %s", texts[count], error.line, error.column, s.what);
        }
        all[count] = f->policies[count];
    }
    const struct acl_input input = {.policies = all, .count = count, .now_us = now_us};
    assert_ok(acl_build(&input, &f->acl));
}

#define fixture_open(f, ...) fixture_open_at((f), 0, (const char *const[]){__VA_ARGS__, NULL})

static inline void fixture_done(struct fixture *f)
{
    acl_free(f->acl);
    for (size_t i = 0; i < FIXTURE_POLICIES; i++) {
        policy_free(f->policies[i]);
    }
    arena_free(f->arena);
}

// `json` is the request's parameters, or NULL.
static inline struct acl_decision fixture_ask(struct fixture *f, enum policy_operation operation,
                                              const char *path, const char *json)
{
    struct acl_request request = {.path = str_from_c(path), .operation = operation};
    if (json != NULL) {
        assert_ok(json_parse(str_from_c(json), NULL, f->arena, &request.parameters, NULL));
    }
    struct acl_decision decision;
    acl_check(f->acl, &request, &decision);
    assert_true(decision.allowed == (decision.reason <= ACL_GRANTED));
    return decision;
}

static inline bool fixture_may(struct fixture *f, enum policy_operation operation, const char *path)
{
    return fixture_ask(f, operation, path, NULL).allowed;
}
