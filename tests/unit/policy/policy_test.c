// SPDX-License-Identifier: ISC
#include "vault/policy/policy.h"

#include "vault/base/clock.h"
#include "vault/base/limits.h"

#include "tests/support/test.h"

static struct policy *parsed(const char *text)
{
    struct policy *p = NULL;
    struct text_error error;
    struct status s = policy_parse(STR("test"), str_from_c(text), &p, &error);
    if (!status_ok(s)) {
        fail_msg("%u:%u: %s", error.line, error.column, s.what);
    }
    return p;
}

static const struct policy_rule *only_rule(const struct policy *p)
{
    size_t count;
    const struct policy_rule *rules = policy_rules(p, &count);
    assert_int_equal(1, count);
    return rules;
}

struct refusal {
    const char *text;
    uint32_t line;
    uint32_t column;
    const char *word;
};

static void assert_refused(const struct refusal *r)
{
    struct policy *p = NULL;
    struct text_error error;
    assert_status(INVALID, policy_parse(STR("test"), str_from_c(r->text), &p, &error));
    assert_null(p);
    if (error.line != r->line || error.column != r->column) {
        fail_msg("%s: at %u:%u", r->text, error.line, error.column);
    }
    assert_str(r->word, error.word);
}

static void reads_every_word_of_a_rule(void **state)
{
    (void)state;
    CLEANUP(policy_cleanup)
    struct policy *p = parsed("# app\n"
                              "path \"/secret/data/*\" {\n"
                              "  capabilities = [\"create\", \"update\", \"sudo\"]\n"
                              "  allowed_parameters = { \"TTL\" = [\"1h\", 5, true] \"*\" = [] }\n"
                              "  denied_parameters = { admin = [] }\n"
                              "  required_parameters = [\"Reason\"]\n"
                              "  min_wrapping_ttl = \"1m\"\n  max_wrapping_ttl = 90\n"
                              "  pagination_limit = 100\n  comment = \"c\"\n"
                              "  expiration = \"2026-12-31T00:00:00Z\"\n}\n");
    const struct policy_rule *r = only_rule(p);
    assert_str("/secret/data/*", r->written);
    assert_str("secret/data/", r->pattern.text);
    assert_int_equal(2, r->line);
    assert_int_equal(POLICY_CREATE | POLICY_UPDATE | POLICY_SUDO, r->capabilities);
    assert_int_equal(2, r->allowed.count);
    assert_str("ttl", r->allowed.items[1].name);
    assert_str("5", r->allowed.items[1].values.items[1]);
    assert_str("admin", r->denied.items[0].name);
    assert_str("reason", r->required.items[0]);
    assert_int_equal(60, r->min_wrapping_ttl_s);
    assert_int_equal(90, r->max_wrapping_ttl_s);
    assert_int_equal(100, r->page_limit);
    assert_str("c", r->comment);
    int64_t expires;
    assert_ok(clock_parse(STR("2026-12-31T00:00:00Z"), &expires));
    assert_true(r->expires_us == expires);
}

static void json_means_the_same(void **state)
{
    (void)state;
    CLEANUP(policy_cleanup)
    struct policy *p = parsed("{\"path\": {\"a/*\": {\"capabilities\": [\"read\"]},\n"
                              "\"b\": {\"policy\": \"write\"}}}");
    size_t count;
    const struct policy_rule *rules = policy_rules(p, &count);
    assert_int_equal(2, count);
    assert_str("a/*", rules[0].written);
    assert_int_equal(POLICY_READ, rules[0].capabilities);
    assert_int_equal(2, rules[1].line);
    assert_int_equal(POLICY_CREATE | POLICY_READ | POLICY_UPDATE | POLICY_DELETE | POLICY_LIST,
                     rules[1].capabilities);
}

static void deny_drops_every_other_capability(void **state)
{
    (void)state;
    CLEANUP(policy_cleanup)
    struct policy *p = parsed("path \"a\" { capabilities = [\"read\", \"deny\", \"sudo\"] }");
    assert_int_equal(POLICY_DENY, only_rule(p)->capabilities);
}

static void an_empty_policy_has_no_rules(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "{}", "name = \"x\""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(policy_cleanup) struct policy *p = parsed(texts[i]);
        size_t count;
        policy_rules(p, &count);
        assert_int_equal(0, count);
    }
}

static void unknown_words_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct refusal all[] = {
        {"path \"a\" {\n  capabilities = [\"read\", \"execute\"]\n}", 2, 27, "\"execute\""},
        {"path \"a\" { capabilities = [\"root\"] }", 1, 28, "\"root\""},
        {"path \"a\" { capabilities = [\"READ\"] }", 1, 28, "\"READ\""},
        {"path \"a\" { capabilities = [7] }", 1, 28, "7"},
        {"path \"a\" { capabilities = \"read\" }", 1, 12, "\"read\""},
        {"path \"a\" {\n capability = [\"read\"] }", 2, 2, "capability"},
        {"path \"a\" { policy = \"admin\" }", 1, 12, "\"admin\""},
        {"paths \"a\" {}", 1, 1, "paths"},
        {"path = 7", 1, 1, "7"},
        {"path \"a\" { mfa_methods = [\"x\"] }", 1, 12, "mfa_methods"},
        {"path \"a\" { control_group { } }", 1, 12, "control_group"},
        {"path \"a\" { list_scan_response_keys_filter_path = \"x\" }", 1, 12, "\"x\""},
        {"path \"a\" { pagination_limit = -1 }", 1, 12, "-1"},
        {"path \"a\" { expiration = \"soon\" }", 1, 12, "\"soon\""},
        {"path \"a\" { allowed_parameters = { a = [[1]] } }", 1, 40, ""},
        {"path \"a\" { allowed_parameters = { a = [], A = [] } }", 1, 12, "allowed_parameters"},
        {"path \"a\" { min_wrapping_ttl = 9 max_wrapping_ttl = 5 }", 1, 6, "\"a\""},
        {"path \"a\" { capabilities = [] capabilities = [] }", 1, 30, "capabilities"},
        {"path \"a\" { foo = 1 }", 1, 12, "foo"},
        {"path \"a\" { \"foo\" = \"b\" }", 1, 12, "\"foo\""},
        {"foo = 1", 1, 1, "foo"},
        {"path \"a\" { comment = \"b\" comment = \"c\" }", 1, 26, "comment"},
        {"{\"path\": {\"a\": {\"capabilities\":\n[\"x\"]}}}", 2, 2, "\"x\""},
        {"{\"path\": {\"a\": {\"foo\": 1}}}", 1, 24, "foo"},
        {"{\"path\": {\"a\": {\"f\\u006fo\": 1}}}", 1, 29, "1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_refused(&all[i]);
    }
}

static void patterns_that_would_not_work_are_refused(void **state)
{
    (void)state;
    static const struct refusal all[] = {
        {"path \"\" {}", 1, 6, "\"\""},           {"path \"/\" {}", 1, 6, "\"/\""},
        {"path \"a/*/b\" {}", 1, 6, "\"a/*/b\""}, {"path \"a**\" {}", 1, 6, "\"a**\""},
        {"path \"a/+*\" {}", 1, 6, "\"a/+*\""},   {"path \"a/../b\" {}", 1, 6, "\"a/../b\""},
        {"path \"a\\nb\" {}", 1, 6, "\"a\\nb\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_refused(&all[i]);
    }
}

// Known hole 17, second half (GHSA-59w7): nothing can be injected into a template, because a policy
// that has one is refused.
static void known_hole_17_templates_are_refused(void **state)
{
    (void)state;
    static const struct refusal template = {
        "path \"secret/{{identity.entity.name}}/*\" { capabilities = [\"read\"] }", 1, 6,
        "\"secret/{{identity.entity.name}}/*\""};
    assert_refused(&template);
}

static void longer_than_its_limit_is_refused(void **state)
{
    (void)state;
    char *text = malloc(LIMIT_POLICY_BYTES + 1);
    memset(text, '\n', LIMIT_POLICY_BYTES + 1);
    CLEANUP(policy_cleanup) struct policy *p = NULL;
    struct text_error error;
    struct str all = {text, LIMIT_POLICY_BYTES + 1};
    assert_status(TOO_LARGE, policy_parse(STR("x"), all, &p, &error));
    assert_ok(policy_parse(STR("x"), str_first(all, LIMIT_POLICY_BYTES), &p, &error));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_word_of_a_rule),
        cmocka_unit_test(json_means_the_same),
        cmocka_unit_test(deny_drops_every_other_capability),
        cmocka_unit_test(an_empty_policy_has_no_rules),
        cmocka_unit_test(unknown_words_are_refused_with_their_place),
        cmocka_unit_test(patterns_that_would_not_work_are_refused),
        cmocka_unit_test(known_hole_17_templates_are_refused),
        cmocka_unit_test(longer_than_its_limit_is_refused),
    };
    return RUN_TESTS(tests);
}
