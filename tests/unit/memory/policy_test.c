// SPDX-License-Identifier: ISC
// Every allocation of policies and ACLs fails once.
#include "tests/support/allocation.h"
#include "tests/support/test.h"
#include "vault/base/clock.h"
#include "vault/base/limits.h"
#include "vault/policy/acl.h"
#include "vault/policy/name.h"

static const char text[] = "path \"secret/data/*\" {\n"
                           "  capabilities = [\"read\", \"create\", \"list\"]\n"
                           "  allowed_parameters = { \"a\" = [\"x*\", \"y\"], \"*\" = [] }\n"
                           "  denied_parameters = { \"b\" = [] }\n"
                           "  required_parameters = [\"a\"]\n"
                           "  max_wrapping_ttl = \"1h\"\n"
                           "}\n"
                           "path \"secret/+/x\" {\n  capabilities = [\"deny\"]\n}\n"
                           "path \"sys/mounts\" {\n  capabilities = [\"sudo\", \"read\"]\n}\n";

static struct status parse_and_ask(void *ctx)
{
    (void)ctx;
    CLEANUP(policy_cleanup) struct policy *first = NULL;
    CLEANUP(policy_cleanup) struct policy *second = NULL;
    CLEANUP(acl_cleanup) struct acl *acl = NULL;
    struct text_error error;
    TRY(policy_parse(STR("first"), str_from_c(text), &first, &error));
    TRY(policy_parse(STR("second"), str_from_c(text), &second, &error));
    const struct policy *all[] = {first, second};
    const struct acl_input input = {.policies = all, .count = ARRAY_LEN(all)};
    TRY(acl_build(&input, &acl));
    const struct acl_request asked = {.path = STR("sys/mounts"), .operation = POLICY_OP_READ};
    struct acl_decision d;
    acl_check(acl, &asked, &d);
    assert_true(d.allowed && d.sudo);
    return OK_STATUS;
}

// Without memory the answer must not be "allowed".
static struct status ask_with_parameters(void *acl)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct acl_request asked = {.path = STR("secret/data/a"), .operation = POLICY_OP_CREATE};
    struct acl_explanation e;
    struct str name;
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(policy_name_normalise(STR("Name"), arena, &name));
    TRY(json_parse(STR("{\"a\":\"z\"}"), NULL, arena, &asked.parameters, NULL));
    acl_explain(acl, &asked, &e);
    assert_false(e.decision.allowed);
    return OK_STATUS;
}

static void a_policy_survives_each(void **state)
{
    (void)state;
    allocation_fail_each(parse_and_ask, NULL);
}

static void a_decision_survives_each(void **state)
{
    (void)state;
    CLEANUP(policy_cleanup) struct policy *policy = NULL;
    CLEANUP(acl_cleanup) struct acl *acl = NULL;
    struct text_error error;
    assert_ok(policy_parse(STR("p"), str_from_c(text), &policy, &error));
    const struct policy *all[] = {policy};
    const struct acl_input input = {.policies = all, .count = 1};
    assert_ok(acl_build(&input, &acl));
    allocation_fail_each(ask_with_parameters, acl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_survives_each),
        cmocka_unit_test(a_decision_survives_each),
    };
    return RUN_TESTS(tests);
}
