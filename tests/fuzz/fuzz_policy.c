// SPDX-License-Identifier: ISC
// Input: a policy, a path and the parameters as JSON, with NULs between them.
#include "tests/fuzz/fuzz.h"
#include "vault/policy/acl.h"
#include "vault/policy/name.h"

static bool may(const struct acl *acl, enum policy_operation operation, struct str path)
{
    const struct acl_request request = {.path = path, .operation = operation};
    struct acl_decision d;
    acl_check(acl, &request, &d);
    return d.allowed;
}

// Whether the slash is written makes no difference to a LIST.
static void check_slash(const struct acl *acl, struct arena *arena, struct str path)
{
    struct str folder;
    if (path.len == 0 || str_ends_with(path, STR("/")) || path.len >= LIMIT_PATH_BYTES ||
        !status_ok(arena_printf(arena, &folder, "%.*s/", STR_ARG(path)))) {
        return;
    }
    REQUIRE(may(acl, POLICY_OP_LIST, path) == may(acl, POLICY_OP_LIST, folder));
    REQUIRE(may(acl, POLICY_OP_SCAN, path) == may(acl, POLICY_OP_SCAN, folder));
}

static void ask(const struct acl *acl, struct arena *arena, struct str path, struct str json)
{
    struct acl_request request = {.path = path};
    status_ignore(json_parse(json, NULL, arena, &request.parameters, NULL));
    uint32_t capabilities = acl_capabilities(acl, path);
    for (enum policy_operation op = POLICY_OP_READ; op <= POLICY_OP_SCAN; op++) {
        struct acl_explanation e;
        request.operation = op;
        acl_explain(acl, &request, &e);
        REQUIRE(!e.decision.allowed || (capabilities & policy_operation_needs(op)) != 0);
        REQUIRE(!e.decision.allowed || e.source_count > 0);
    }
    check_slash(acl, arena, path);
    acl_reaches(acl, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(policy_cleanup) struct policy *policy = NULL;
    CLEANUP(acl_cleanup) struct acl *acl = NULL;
    struct str rest;
    struct str text = fuzz_split(data, size, &rest);
    struct str path;
    struct str json;
    str_split(rest, '\0', &path, &json);
    struct str name;
    if (status_ok(policy_name_normalise(path, arena, &name))) {
        REQUIRE(!policy_name_is_root(name));
    }
    struct text_error error;
    if (!status_ok(policy_parse(STR("p"), text, &policy, &error))) {
        REQUIRE(error.line > 0 && error.column > 0);
        return 0;
    }
    const struct policy *all[] = {policy, policy};
    const struct acl_input input = {.policies = all, .count = 2, .now_us = 0};
    if (status_ok(acl_build(&input, &acl))) {
        ask(acl, arena, path, json);
    }
    return 0;
}
