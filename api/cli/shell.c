// SPDX-License-Identifier: ISC
// What belongs to the program itself: its version and its completion.
#include "api/cli/cli.h"
#include "api/cli/commands.h"
#include "api/cli/help.h"
#include "api/cli/output.h"

static struct status run_version(struct cli *c)
{
    if (c->settings.format == CLI_FORMAT_TABLE && c->settings.field.len == 0) {
        buffer_append_c(&c->out, "rotunda " ROTUNDA_VERSION "\n");
        return OK_STATUS;
    }
    struct cli_answer answer = {.method = NULL};
    TRY(json_parse(STR("{\"version\":\"" ROTUNDA_VERSION "\"}"), NULL, c->arena, &answer.json,
                   NULL));
    return cli_print_answer(c, &answer);
}

static struct status run_completion(struct cli *c)
{
    if (!str_equal_c(cli_args_operand(&c->args, 0), "bash")) {
        return cli_problem_local(&c->problem, "completion is there for bash");
    }
    cli_help_completion(&c->out);
    return OK_STATUS;
}

#define VERSION_HELP "Prints the version of this program.\n\nExample: rotunda version"
#define COMPLETION_HELP                                                                            \
    "Prints a script that completes commands and flags.\n\n"                                       \
    "Example: source <(rotunda completion bash)"

static const struct cli_command commands[] = {
    {"version", "the version of this program", "", VERSION_HELP, NULL, 0, 0, run_version, NULL},
    {"completion", "completion for the shell", "bash", COMPLETION_HELP, NULL, 1, 1, run_completion,
     NULL},
};
const struct cli_command_list cli_shell_commands = {commands, ARRAY_LEN(commands)};
