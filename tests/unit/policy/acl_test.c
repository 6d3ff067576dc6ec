// SPDX-License-Identifier: ISC
#include "tests/unit/policy/policy_fixture.h"

#define FIXTURE CLEANUP(fixture_done) struct fixture

static void nothing_is_allowed_without_a_rule(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, "path \"a/b\" { capabilities = [\"read\"] }");
    assert_true(fixture_may(&f, POLICY_OP_READ, "a/b"));
    assert_true(fixture_may(&f, POLICY_OP_READ, "/a/b"));
    assert_true(fixture_may(&f, POLICY_OP_HELP, "x"));
    static const char *const others[] = {"a", "a/", "a/bc", "a/b/c", "b", "", "A/b", "a/b/"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(fixture_may(&f, POLICY_OP_READ, others[i]));
        assert_int_equal(ACL_NO_RULE, fixture_ask(&f, POLICY_OP_READ, others[i], NULL).reason);
    }
}

static void each_capability_opens_its_operation_only(void **state)
{
    (void)state;
    static const char *const words[] = {"read",   "create", "update", "patch",
                                        "delete", "list",   "scan"};
    for (enum policy_operation granted = POLICY_OP_READ; granted <= POLICY_OP_SCAN; granted++) {
        char text[64];
        snprintf(text, sizeof text, "path \"a\" { capabilities = [\"%s\"] }", words[granted]);
        FIXTURE f;
        fixture_open(&f, text);
        for (enum policy_operation op = POLICY_OP_READ; op <= POLICY_OP_SCAN; op++) {
            assert_true(fixture_may(&f, op, "a") == (op == granted));
        }
    }
}

static void root_may_do_everything(void **state)
{
    (void)state;
    CLEANUP(acl_cleanup) struct acl *acl = NULL;
    const struct acl_input input = {.root = true};
    assert_ok(acl_build(&input, &acl));
    const struct acl_request request = {.path = STR("sys/raw/x"), .operation = POLICY_OP_DELETE};
    struct acl_decision d;
    acl_check(acl, &request, &d);
    assert_true(d.allowed && d.sudo && d.root);
    assert_int_equal(POLICY_ROOT, acl_capabilities(acl, STR("x")));
    assert_true(acl_reaches(acl, STR("x/")));
}

static void a_policy_that_is_called_root_is_nothing_special(void **state)
{
    (void)state;
    CLEANUP(policy_cleanup) struct policy *p = NULL;
    CLEANUP(acl_cleanup) struct acl *acl = NULL;
    struct text_error error;
    assert_ok(policy_parse(STR("root"), STR(""), &p, &error));
    const struct policy *all[] = {p};
    const struct acl_input input = {.policies = all, .count = 1};
    assert_ok(acl_build(&input, &acl));
    assert_int_equal(POLICY_DENY, acl_capabilities(acl, STR("x")));
}

static void equal_paths_are_joined_and_deny_wins(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f,
                 "path \"a\" { capabilities = [\"read\"] }\n"
                 "path \"b/*\" { capabilities = [\"read\"] }\n"
                 "path \"c/+\" { capabilities = [\"read\", \"sudo\"] }",
                 "path \"/a\" { capabilities = [\"update\"] }\n"
                 "path \"b/*\" { capabilities = [\"deny\"] }\n"
                 "path \"c/+\" { capabilities = [\"list\"] }",
                 "path \"b/*\" { capabilities = [\"list\"] }");
    assert_int_equal(POLICY_READ | POLICY_UPDATE, acl_capabilities(f.acl, STR("a")));
    assert_int_equal(POLICY_DENY, acl_capabilities(f.acl, STR("b/x")));
    assert_int_equal(ACL_DENIED, fixture_ask(&f, POLICY_OP_READ, "b/x", NULL).reason);
    assert_int_equal(POLICY_READ | POLICY_LIST | POLICY_SUDO, acl_capabilities(f.acl, STR("c/x")));
    assert_true(fixture_ask(&f, POLICY_OP_READ, "c/x", NULL).sudo);
    assert_false(fixture_ask(&f, POLICY_OP_READ, "a", NULL).sudo);
}

// Each row: a path, the rule that must decide, and all rules that match it beside.
static void the_most_specific_rule_decides(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *winner;
        const char *losers[3];
    } rows[] = {
        {"a/b", "a/b", {"a/+", "a/*", "a/b*"}},
        {"a/b", "a/b*", {"a/*", "a/+", "*"}}, // first wildcard later
        {"a/b/c", "a/b/+", {"a/+/c", "+/b/c", "a/*"}},
        {"a/b", "a/+", {"a/*", "+/b", "*"}},                  // not ending in a star
        {"a/b/c", "a/+/c", {"a/+/+", "a/+/*", "a/*"}},        // fewer +
        {"a/b/cd", "a/+/cd*", {"a/+/c*", "a/+/*", "+/b/cd"}}, // longer
        {"a/b/c", "+/b/c", {"+/+/c", "+/b/*", "*"}},
        {"a/b/c/d", "+/b/c/*", {"+/b/*", "+/+/c/*", "+/*"}},
        {"a/b/b/c", "a/+/b/+", {"a/+/+/c", "a/+/+/+", "a/+/*"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t j = 0; j < 3; j++) {
            char text[256];
            snprintf(text, sizeof text,
                     "path \"%s\" { capabilities = [\"deny\"] }\n"
                     "path \"%s\" { capabilities = [\"read\"] }",
                     rows[i].losers[j], rows[i].winner);
            FIXTURE f;
            fixture_open(&f, text);
            if (!fixture_may(&f, POLICY_OP_READ, rows[i].path)) {
                fail_msg("%s: %s lost against %s", rows[i].path, rows[i].winner, rows[i].losers[j]);
            }
        }
    }
}

// Known hole 17: CVE-2026-63131.
static void known_hole_17_list_is_denied_with_and_without_slash(void **state)
{
    (void)state;
    static const char *const denying[] = {"a/b", "a/b/", "a/+", "a/b*", "a/+/", "+/b", "+/b/"};
    static const char *const granting[] = {"a/*", "*", "+/*"};
    for (size_t i = 0; i < ARRAY_LEN(denying); i++) {
        for (size_t j = 0; j < ARRAY_LEN(granting); j++) {
            char text[256];
            snprintf(text, sizeof text,
                     "path \"%s\" { capabilities = [\"deny\"] }\n"
                     "path \"%s\" { capabilities = [\"list\", \"scan\"] }",
                     denying[i], granting[j]);
            FIXTURE f;
            fixture_open(&f, text);
            bool open =
                fixture_may(&f, POLICY_OP_LIST, "a/b") || fixture_may(&f, POLICY_OP_LIST, "a/b/") ||
                fixture_may(&f, POLICY_OP_SCAN, "a/b") || fixture_may(&f, POLICY_OP_SCAN, "a/b/");
            // Only a rule that is itself less specific than the grant leaves it standing.
            bool weaker = denying[i][0] == '+' && granting[j][0] == 'a';
            if (open != weaker) {
                fail_msg("%s against %s", denying[i], granting[j]);
            }
        }
    }
}

static void known_hole_17_reading_a_denied_path_with_a_slash_stays_denied(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, "path \"a/b\" { capabilities = [\"deny\"] }\n"
                     "path \"a/*\" { capabilities = [\"read\"] }\n"
                     "path \"c/d\" { capabilities = [\"read\"] }");
    assert_false(fixture_may(&f, POLICY_OP_READ, "a/b/"));
    assert_true(fixture_may(&f, POLICY_OP_READ, "a/c/"));
    assert_false(fixture_may(&f, POLICY_OP_READ, "c/d/"));
}

static void list_takes_the_rule_of_either_form(void **state)
{
    (void)state;
    static const char *const forms[] = {"a/b", "a/b/", "a/+", "a/b/*", "a/b*", "a/*"};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        char text[128];
        snprintf(text, sizeof text, "path \"%s\" { capabilities = [\"list\"] }", forms[i]);
        FIXTURE f;
        fixture_open(&f, text);
        assert_true(fixture_may(&f, POLICY_OP_LIST, "a/b"));
        assert_true(fixture_may(&f, POLICY_OP_LIST, "a/b/"));
        assert_true(acl_capabilities(f.acl, STR("a/b")) & POLICY_LIST);
        assert_false(fixture_may(&f, POLICY_OP_LIST, "b/"));
    }
}

static void a_folder_may_be_listed_inside_a_denied_one(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, "path \"a/*\" { capabilities = [\"deny\"] }\n"
                     "path \"a/b/*\" { capabilities = [\"list\"] }");
    assert_true(fixture_may(&f, POLICY_OP_LIST, "a/b"));
    assert_true(fixture_may(&f, POLICY_OP_LIST, "a/b/"));
    assert_false(fixture_may(&f, POLICY_OP_LIST, "a/"));
    assert_false(fixture_may(&f, POLICY_OP_LIST, "a/c"));
}

static void capabilities_list_what_checks_allow(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, "path \"a/b\" { capabilities = [\"read\", \"list\"] }\n"
                     "path \"a/b/\" { capabilities = [\"deny\"] }\n"
                     "path \"n\" { capabilities = [] }");
    assert_int_equal(POLICY_READ, acl_capabilities(f.acl, STR("a/b")));
    assert_int_equal(POLICY_DENY, acl_capabilities(f.acl, STR("a/b/")));
    assert_int_equal(POLICY_DENY, acl_capabilities(f.acl, STR("n")));
    assert_int_equal(POLICY_DENY, acl_capabilities(f.acl, STR("other")));
}

static void expired_rules_do_not_exist(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "path \"a\" { capabilities = [\"deny\"] expiration = \"1970-01-01T00:00:10Z\" }\n"
        "path \"a\" { capabilities = [\"read\"] expiration = \"1970-01-01T00:00:20Z\" }",
        NULL};
    FIXTURE f;
    fixture_open_at(&f, 15 * (int64_t)CLOCK_SECOND, texts);
    assert_true(acl_expires_us(f.acl) == 20 * (int64_t)CLOCK_SECOND);
    struct acl_request request = {.path = STR("a"), .now_us = 19 * (int64_t)CLOCK_SECOND};
    struct acl_decision d;
    acl_check(f.acl, &request, &d);
    assert_true(d.allowed);
    request.now_us = 20 * (int64_t)CLOCK_SECOND;
    acl_check(f.acl, &request, &d);
    assert_false(d.allowed);
    assert_int_equal(ACL_EXPIRED, d.reason);
}

static void explanations_name_the_policies_and_their_lines(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, "path \"a/*\" { capabilities = [\"read\"] }",
                 "\n\npath \"/a/*\" { capabilities = [\"list\"] }",
                 "path \"b\" { capabilities = [\"read\"] }");
    const struct acl_request request = {.path = STR("a/x"), .operation = POLICY_OP_DELETE};
    struct acl_explanation e;
    acl_explain(f.acl, &request, &e);
    assert_false(e.decision.allowed);
    assert_string_equal("the rule does not grant the capability",
                        acl_reason_text(e.decision.reason));
    assert_str("a/*", e.pattern);
    assert_int_equal(2, e.source_count);
    assert_str("p0", e.sources[0].policy);
    assert_int_equal(1, e.sources[0].rule->line);
    assert_str("p1", e.sources[1].policy);
    assert_int_equal(3, e.sources[1].rule->line);
    const struct acl_request nowhere = {.path = STR("zzz")};
    acl_explain(f.acl, &nowhere, &e);
    assert_int_equal(0, e.source_count);
    assert_int_equal(ACL_NO_RULE, e.decision.reason);
}

static void reaching_into_a_mount_needs_a_rule_that_can_match_there(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        bool reaches;
    } rows[] = {
        {"m/n/x", true}, {"m/n/*", true},   {"m/*", true},     {"*", true},     {"m/+/x", true},
        {"+/n/x", true}, {"m/nn/x", false}, {"m/n*", true},    {"x/*", false},  {"m/x/+", false},
        {"m", false},    {"m/n", true},     {"+/+/x/*", true}, {"mm/*", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        snprintf(text, sizeof text, "path \"%s\" { capabilities = [\"read\"] }", rows[i].pattern);
        FIXTURE f;
        fixture_open(&f, text);
        if (acl_reaches(f.acl, STR("m/n/")) != rows[i].reaches) {
            fail_msg("%s", rows[i].pattern);
        }
    }
    FIXTURE denied;
    fixture_open(&denied, "path \"m/n/*\" { capabilities = [\"deny\"] }");
    assert_false(acl_reaches(denied.acl, STR("m/n/")));
}

static void paths_longer_than_the_limit_match_nothing(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, "path \"*\" { capabilities = [\"read\", \"list\"] }");
    char path[LIMIT_PATH_BYTES + 2];
    memset(path, 'a', sizeof path);
    path[LIMIT_PATH_BYTES] = '\0';
    assert_true(fixture_may(&f, POLICY_OP_LIST, path));
    path[LIMIT_PATH_BYTES] = 'a';
    path[LIMIT_PATH_BYTES + 1] = '\0';
    assert_false(fixture_may(&f, POLICY_OP_LIST, path));
    assert_false(fixture_may(&f, POLICY_OP_READ, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allowed_without_a_rule),
        cmocka_unit_test(each_capability_opens_its_operation_only),
        cmocka_unit_test(root_may_do_everything),
        cmocka_unit_test(a_policy_that_is_called_root_is_nothing_special),
        cmocka_unit_test(equal_paths_are_joined_and_deny_wins),
        cmocka_unit_test(the_most_specific_rule_decides),
        cmocka_unit_test(known_hole_17_list_is_denied_with_and_without_slash),
        cmocka_unit_test(known_hole_17_reading_a_denied_path_with_a_slash_stays_denied),
        cmocka_unit_test(list_takes_the_rule_of_either_form),
        cmocka_unit_test(a_folder_may_be_listed_inside_a_denied_one),
        cmocka_unit_test(capabilities_list_what_checks_allow),
        cmocka_unit_test(expired_rules_do_not_exist),
        cmocka_unit_test(explanations_name_the_policies_and_their_lines),
        cmocka_unit_test(reaching_into_a_mount_needs_a_rule_that_can_match_there),
        cmocka_unit_test(paths_longer_than_the_limit_match_nothing),
    };
    return RUN_TESTS(tests);
}
