// SPDX-License-Identifier: ISC
#include "api/cli/command.h"

#include <stdio.h>

#include "api/cli/commands.h"
#include "tests/unit/cli/cli_fixture.h"

static int seen_argc;
static char seen_argv0[64];

static int server_main(int argc, char **argv)
{
    seen_argc = argc;
    snprintf(seen_argv0, sizeof seen_argv0, "%s", argc > 0 ? argv[0] : "");
    return 42;
}

static const struct cli_command server_commands[] = {
    {"server", "run the server", "", "Runs the server.\n\nExample: rotunda server", NULL, 0,
     CLI_ANY, NULL, server_main},
    {"audit verify", "check the log", "[FILE]", "Checks.\n\nExample: rotunda audit verify", NULL, 0,
     1, NULL, server_main},
};

static int group_setup(void **state)
{
    cli_command_register((struct cli_command_list){server_commands, ARRAY_LEN(server_commands)});
    return cli_fixture_group(state);
}

static void every_command_explains_itself_with_an_example(void **state)
{
    (void)state;
    cli_commands_register();
    for (size_t l = 0; l < cli_command_list_count(); l++) {
        struct cli_command_list list = cli_command_list_at(l);
        for (size_t i = 0; i < list.count; i++) {
            const struct cli_command *command = &list.commands[i];
            assert_non_null(strstr(command->help, "Example"));
            assert_true((command->run == NULL) != (command->main == NULL));
            assert_true(command->least_operands <= command->most_operands);
        }
    }
}

static void help_lists_client_and_server_commands_together(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "help");
    assert_int_equal(0, f->exit_code);
    assert_contains(f->out, "  server  ");
    assert_contains(f->out, "  kv get  ");
    assert_contains(f->out, "  audit verify  ");
}

static void a_contributed_command_gets_its_arguments_and_gives_the_exit_code(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "audit verify file.jsonl");
    assert_int_equal(42, f->exit_code);
    assert_int_equal(1, seen_argc);
    assert_string_equal("file.jsonl", seen_argv0);
}

static void dash_h_shows_usage_example_and_flags(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "kv get -h");
    assert_int_equal(0, f->exit_code);
    assert_contains(f->out, "Usage: rotunda kv get [flags] PATH");
    assert_contains(f->out, "Example: rotunda kv get");
    assert_contains(f->out, "-version=N");
    assert_contains(f->out, "-ca-cert=FILE");
}

static void help_with_a_name_explains_that_command(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "help kv put");
    assert_contains(f->out, "Usage: rotunda kv put");
    cli_fixture_run(f, "help kv");
    assert_contains(f->out, "  kv undelete");
    assert_lacks(f->out, "policy read");
}

static void dash_h_works_for_a_contributed_command(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "server -h");
    assert_int_equal(0, f->exit_code);
    assert_contains(f->out, "Runs the server.");
}

static void a_group_alone_lists_its_commands_and_fails(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "kv metadata");
    assert_int_equal(1, f->exit_code);
    cli_fixture_run(f, "kv");
    assert_int_equal(1, f->exit_code);
    assert_contains(f->out, "kv undelete");
    assert_lacks(f->out, "policy read");
}

static void unknown_commands_and_wrong_operands_exit_with_one(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "frobnicate");
    assert_int_equal(1, f->exit_code);
    assert_contains(f->err, "there is no command \"frobnicate\"");
    cli_fixture_run(f, "kv get");
    assert_int_equal(1, f->exit_code);
    assert_contains(f->err, "usage: rotunda kv get PATH");
}

static void completion_knows_commands_and_flags(void **state)
{
    struct cli_fixture *f = *state;
    cli_fixture_run(f, "completion bash");
    assert_int_equal(0, f->exit_code);
    assert_contains(f->out, "\nkv metadata get\n");
    assert_contains(f->out, "\"kv get \"*) flags=\" -mount -version\"");
    assert_contains(f->out, "complete -o default -F _rotunda rotunda");
}

static void the_page_for_readers_names_every_client_command(void **state)
{
    static char page[64 * 1024];
    char wanted[64];
    (void)state;
    FILE *file = fopen(ROTUNDA_SOURCE_DIR "/docs/cli.md", "re");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    cli_commands_register();
    for (size_t l = 1; l < cli_command_list_count(); l++) { // 0: the ones of this test
        struct cli_command_list list = cli_command_list_at(l);
        for (size_t i = 0; i < list.count; i++) {
            snprintf(wanted, sizeof wanted, "`%s", list.commands[i].name);
            if (list.commands[i].summary != NULL) {
                assert_contains(page, wanted);
            }
        }
    }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, cli_fixture_setup, cli_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_command_explains_itself_with_an_example),
        TEST(help_lists_client_and_server_commands_together),
        TEST(a_contributed_command_gets_its_arguments_and_gives_the_exit_code),
        TEST(dash_h_shows_usage_example_and_flags),
        TEST(help_with_a_name_explains_that_command),
        TEST(dash_h_works_for_a_contributed_command),
        TEST(a_group_alone_lists_its_commands_and_fails),
        TEST(unknown_commands_and_wrong_operands_exit_with_one),
        TEST(completion_knows_commands_and_flags),
        cmocka_unit_test(the_page_for_readers_names_every_client_command),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
