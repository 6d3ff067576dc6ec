// SPDX-License-Identifier: ISC
#include "vault/policy/name.h"

#include "vault/base/limits.h"

#include "tests/support/test.h"

static int open_arena(void **state)
{
    *state = arena_new(LIMIT_ARENA_BYTES);
    return *state == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static void names_are_lower_cased(void **state)
{
    struct str name;
    assert_ok(policy_name_normalise(STR("Team-A/App_1.prod"), *state, &name));
    assert_str("team-a/app_1.prod", name);
    assert_ok(policy_name_normalise(STR("rooted"), *state, &name));
    assert_str("rooted", name);
}

// Known hole 7: CVE-2025-5999, CVE-2025-54996, CVE-2025-64761.
static void known_hole_7_nothing_normalises_to_root(void **state)
{
    const struct str tries[] = {
        STR("root"),
        STR("Root"),
        STR("ROOT"),
        STR(" root"),
        STR("root "),
        STR("\troot"),
        STR("root\n"),
        STR("root\0"),
        STR("ro\0ot"),
        STR("/root"),
        STR("root/"),
        STR("./root"),
        STR("x/../root"),
        STR("root,"),
        STR("%72oot"),
        STR("r\xC3\xB6ot"),
        STR("\xEF\xBD\x92oot"),
        STR("roo\xCE\xA4"),
        STR("root\xE2\x80\x8B"),
        STR("\xEF\xBB\xBFroot"),
    };
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        struct str name = STR("untouched");
        assert_status(INVALID, policy_name_normalise(tries[i], *state, &name));
        assert_str("untouched", name);
        assert_true(policy_name_is_root(tries[i]) == (i == 0));
    }
}

static void refuses_names_that_do_not_survive_in_a_path(void **state)
{
    static const char *const wrong[] = {"",   "a b", "a//b", "a/./b", "..",
                                        "a*", "a,b", "a?b",  "{{x}}"};
    struct str name;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_status(INVALID, policy_name_normalise(str_from_c(wrong[i]), *state, &name));
    }
    char longest[LIMIT_NAME_BYTES + 1];
    memset(longest, 'n', sizeof longest);
    assert_ok(policy_name_normalise((struct str){longest, LIMIT_NAME_BYTES}, *state, &name));
    assert_status(INVALID,
                  policy_name_normalise((struct str){longest, sizeof longest}, *state, &name));
}

static void stars_stand_for_anything(void **state)
{
    (void)state;
    const struct {
        const char *glob;
        const char *name;
        bool matches;
    } cases[] = {
        {"*", "", true},
        {"*", "anything", true},
        {"a", "a", true},
        {"a", "ab", false},
        {"", "", true},
        {"", "a", false},
        {"app-*", "app-", true},
        {"app-*", "app", false},
        {"*-admin", "app-admin", true},
        {"a*b*c", "axbxbc", true},
        {"a*b*c", "axcxb", false},
        {"**x**", "x", true},
        {"*ab", "aab", true},
        {"*aab", "aaab", true},
        {"a*a", "a", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(cases[i].matches ==
                    policy_name_matches(str_from_c(cases[i].glob), str_from_c(cases[i].name)));
    }
}

static void globs_are_names_with_stars(void **state)
{
    struct str glob;
    assert_ok(policy_name_normalise_glob(STR("*App-*"), *state, &glob));
    assert_str("*app-*", glob);
    assert_status(INVALID, policy_name_normalise_glob(STR("a?"), *state, &glob));
    assert_status(INVALID, policy_name_normalise_glob(STR(""), *state, &glob));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(names_are_lower_cased),
        TEST(known_hole_7_nothing_normalises_to_root),
        TEST(refuses_names_that_do_not_survive_in_a_path),
        TEST(stars_stand_for_anything),
        TEST(globs_are_names_with_stars),
    };
    return RUN_TESTS(tests);
}
