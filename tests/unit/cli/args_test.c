// SPDX-License-Identifier: ISC
#include "api/cli/args.h"

#include "api/cli/settings.h"
#include "tests/support/test.h"

static const struct cli_flag flags[] = {
    {"version", CLI_FLAG_COUNT, "N", ""},  {"ttl", CLI_FLAG_DURATION, "TIME", ""},
    {"policy", CLI_FLAG_LIST, "NAME", ""}, {"force", CLI_FLAG_BOOL, NULL, ""},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

static int setup(void **state)
{
    *state = arena_new(65536);
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static struct status parse(struct arena *a, const char *const *argv, struct cli_problem *why,
                           struct cli_args *out)
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    struct cli_args_source source = {argc, argv, flags, cli_global_flags};
    return cli_args_parse(a, &source, why, out);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void flags_stand_before_between_and_after_operands(void **state)
{
    struct cli_problem why = {""};
    struct cli_args args;
    assert_ok(parse(*state, WORDS("-version", "3", "a", "--ttl=5m", "b", "-force"), &why, &args));
    assert_int_equal(2, args.operand_count);
    assert_str("a", cli_args_operand(&args, 0));
    assert_str("b", cli_args_operand(&args, 1));
    assert_int_equal(3, cli_args_count(&args, "version", 0));
    assert_str("5m", cli_args_text(&args, "ttl"));
    assert_true(cli_args_bool(&args, "force", false));
}

static void two_dashes_end_the_flags_and_one_is_an_operand(void **state)
{
    struct cli_problem why = {""};
    struct cli_args args;
    assert_ok(parse(*state, WORDS("-", "--", "-version"), &why, &args));
    assert_int_equal(2, args.operand_count);
    assert_str("-", cli_args_operand(&args, 0));
    assert_str("-version", cli_args_operand(&args, 1));
    assert_false(cli_args_has(&args, "version"));
}

static void lists_keep_every_value_and_others_the_last(void **state)
{
    struct cli_problem why = {""};
    struct cli_args args;
    assert_ok(
        parse(*state, WORDS("-policy=a", "-policy", "b", "-version=1", "-version=2"), &why, &args));
    assert_int_equal(4, args.use_count);
    assert_str("a", args.uses[0].value);
    assert_str("b", args.uses[1].value);
    assert_int_equal(2, cli_args_count(&args, "version", 0));
}

static void absent_flags_give_the_fallback(void **state)
{
    struct cli_problem why = {""};
    struct cli_args args;
    assert_ok(parse(*state, WORDS(), &why, &args));
    assert_int_equal(7, cli_args_count(&args, "version", 7));
    assert_true(cli_args_bool(&args, "force", true));
    assert_int_equal(0, cli_args_text(&args, "ttl").len);
    assert_int_equal(0, cli_args_operand(&args, 0).len);
}

static void refuse(void **state, const char *const *words, const char *expected)
{
    struct cli_problem why = {""};
    struct cli_args args;
    assert_status(INVALID, parse(*state, words, &why, &args));
    if (strstr(why.text, expected) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", expected, why.text);
    }
}

static void wrong_flags_are_refused_by_name(void **state)
{
    refuse(state, WORDS("-nonsense=1"), "unknown flag -nonsense");
    refuse(state, WORDS("-version"), "flag -version needs a value");
    refuse(state, WORDS("-version=x"), "flag -version needs a whole number");
    refuse(state, WORDS("-version=-1"), "flag -version needs a whole number");
    refuse(state, WORDS("-ttl=soon"), "flag -ttl needs a duration");
    refuse(state, WORDS("-force=maybe"), "flag -force is either true or false");
}

static void a_token_argument_is_refused_with_what_to_do_instead(void **state)
{
    refuse(state, WORDS("-token=s.secret"), "rotunda login");
    struct cli_problem why = {""};
    struct cli_args args;
    assert_status(INVALID, parse(*state, WORDS("-token=s.secret"), &why, &args));
    assert_null(strstr(why.text, "s.secret"));
}

static void settings_prefer_flag_then_rotunda_then_vault(void **state)
{
    struct cli_problem why = {""};
    struct cli_args args;
    struct cli_settings s;
    setenv("VAULT_ADDR", "http://vault:1", 1);
    assert_ok(parse(*state, WORDS(), &why, &args));
    assert_ok(cli_settings_read(&args, &why, &s));
    assert_str("http://vault:1", s.address);
    setenv("ROTUNDA_ADDR", "http://rotunda:2", 1);
    assert_ok(cli_settings_read(&args, &why, &s));
    assert_str("http://rotunda:2", s.address);
    assert_ok(parse(*state, WORDS("-address=unix:/run/r.sock"), &why, &args));
    assert_ok(cli_settings_read(&args, &why, &s));
    assert_str("unix:/run/r.sock", s.address);
    unsetenv("VAULT_ADDR");
    unsetenv("ROTUNDA_ADDR");
}

static void addresses_with_a_password_or_another_scheme_are_refused(void **state)
{
    static const char *const wrong[] = {"ftp://x", "localhost:8200", "https://me:pw@host:8200",
                                        "https://host/?a=b"};
    struct cli_problem why = {""};
    struct cli_args args;
    struct cli_settings s;
    assert_ok(parse(*state, WORDS(), &why, &args));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        setenv("ROTUNDA_ADDR", wrong[i], 1);
        assert_status(INVALID, cli_settings_read(&args, &why, &s));
        assert_null(strstr(why.text, "pw@"));
    }
    unsetenv("ROTUNDA_ADDR");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flags_stand_before_between_and_after_operands),
        TEST(two_dashes_end_the_flags_and_one_is_an_operand),
        TEST(lists_keep_every_value_and_others_the_last),
        TEST(absent_flags_give_the_fallback),
        TEST(wrong_flags_are_refused_by_name),
        TEST(a_token_argument_is_refused_with_what_to_do_instead),
        TEST(settings_prefer_flag_then_rotunda_then_vault),
        TEST(addresses_with_a_password_or_another_scheme_are_refused),
    };
    return RUN_TESTS(tests);
}
