// SPDX-License-Identifier: ISC
#include "api/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "api/cli/commands.h"
#include "api/cli/help.h"
#include "api/cli/output.h"
#include "api/cli/terminal.h"
#include "api/cli/token_file.h"
#include "vault/base/limits.h"

enum { CLI_ARENA_BYTES = 4 * LIMIT_RESPONSE_BYTES, CLI_OUTPUT_BYTES = 2 * LIMIT_RESPONSE_BYTES };

struct cli_client_options cli_client_options_of(const struct cli *c, const struct secret *token)
{
    const struct cli_settings *s = &c->settings;
    return (struct cli_client_options){
        .address = s->address,
        .ca_cert = s->ca_cert,
        .client_cert = s->client_cert,
        .client_key = s->client_key,
        .namespace = s->namespace,
        .wrap_ttl = s->wrap_ttl,
        .timeout_s = s->timeout_s,
        .token = token,
    };
}

struct status cli_connect_with(struct cli *c, const struct secret *token)
{
    struct cli_client_options options = cli_client_options_of(c, token);
    cli_client_free(TAKE(c->client));
    TRY(cli_client_open(&options, &c->client));
    if (cli_client_is_exposed(c->client)) {
        dprintf(c->io.err_fd,
                "rotunda: warning: %.*s is not encrypted; anyone on the way can read "
                "the token and the answers\n",
                STR_ARG(c->settings.address));
    }
    return OK_STATUS;
}

struct status cli_connect(struct cli *c, bool token)
{
    CLEANUP(secret_cleanup) struct secret *found = NULL;
    if (token) {
        TRY(cli_token_find(c->arena, &c->problem, &found));
    }
    return cli_connect_with(c, found);
}

static struct status check_operands(struct cli *c)
{
    const struct cli_command *command = c->command;
    size_t count = c->args.operand_count;
    if (count >= command->least_operands && count <= command->most_operands) {
        return OK_STATUS;
    }
    return cli_problem_local(&c->problem, "usage: rotunda %s%s%s; `rotunda %s -h` shows an example",
                             command->name, command->operands[0] == '\0' ? "" : " ",
                             command->operands, command->name);
}

static struct status run_command(struct cli *c, int argc, char **argv)
{
    struct cli_args_source source = {argc, (const char *const *)argv, c->command->flags,
                                     cli_global_flags};
    TRY(cli_args_parse(c->arena, &source, &c->problem, &c->args));
    if (cli_args_bool(&c->args, "h", false) || cli_args_bool(&c->args, "help", false)) {
        cli_help_command(&c->out, c->command);
        return OK_STATUS;
    }
    TRY(check_operands(c));
    TRY(cli_settings_read(&c->args, &c->problem, &c->settings));
    return c->command->run(c);
}

static int exit_code(struct status s)
{
    if (status_ok(s)) {
        return CLI_EXIT_OK;
    }
    if (s.code == STATUS_TIMEOUT) {
        return CLI_EXIT_UNFINISHED;
    }
    bool remote = s.code == STATUS_UPSTREAM || s.code == STATUS_SEALED;
    return remote ? CLI_EXIT_REMOTE : CLI_EXIT_LOCAL;
}

static void report(const struct cli *c, struct status s)
{
    const char *text = c->problem.text[0] == '\0' ? s.what : c->problem.text;
    // `status` on a sealed vault has said all there is to say.
    if (s.code != STATUS_SEALED) {
        dprintf(c->io.err_fd, "rotunda: %s\n", text);
    }
}

static int finish(struct cli *c, struct status s)
{
    struct status written = buffer_status(&c->out);
    if (status_ok(written)) {
        written = cli_write_all(c->io.out_fd, buffer_bytes(&c->out), &c->problem);
    }
    if (status_ok(s)) {
        s = written;
    }
    if (!status_ok(s)) {
        report(c, s);
    }
    cli_client_free(c->client);
    buffer_done(&c->out);
    arena_free(c->arena);
    return exit_code(s);
}

static bool asks_for_help(int argc, char **argv)
{
    return argc > 0 && (strcmp(argv[0], "-h") == 0 || strcmp(argv[0], "-help") == 0 ||
                        strcmp(argv[0], "--help") == 0);
}

// help, help kv, help kv get
static void show_help(struct cli *c, int argc, char **argv)
{
    int words = 0;
    const struct cli_command *command = cli_command_find(argc, argv, &words);
    if (command != NULL) {
        cli_help_command(&c->out, command);
    } else {
        cli_help_list(&c->out, argc > 0 ? str_from_c(argv[0]) : (struct str){NULL, 0});
    }
}

// Arguments that begin with no command's name.
static struct status run_general(struct cli *c, int argc, char **argv)
{
    struct str word = argc > 0 ? str_from_c(argv[0]) : (struct str){NULL, 0};
    if (word.len == 0 || str_equal_c(word, "help") || asks_for_help(argc, argv)) {
        show_help(c, argc > 0 ? argc - 1 : 0, argv + 1);
        return OK_STATUS;
    }
    if (cli_command_is_group(word)) {
        cli_help_list(&c->out, word);
        return asks_for_help(argc - 1, argv + 1)
                   ? OK_STATUS
                   : cli_problem_local(&c->problem, "\"%.*s\" needs one of the commands above",
                                       STR_ARG(word));
    }
    return cli_problem_local(&c->problem, "there is no command \"%.*s\"; `rotunda help` lists them",
                             STR_ARG(word));
}

static int run_client(struct cli_io io, const struct cli_command *command, int argc, char **argv)
{
    struct cli c = {.io = io, .command = command, .arena = arena_new(CLI_ARENA_BYTES)};
    buffer_init(&c.out, CLI_OUTPUT_BYTES);
    struct status s = MAKE_STATUS(NOMEM, "out of memory");
    if (c.arena != NULL) {
        s = command == NULL ? run_general(&c, argc, argv) : run_command(&c, argc, argv);
    }
    return finish(&c, s);
}

// A command of the server side: its help comes from the table too.
static int run_main(struct cli_io io, const struct cli_command *command, int argc, char **argv)
{
    if (!asks_for_help(argc, argv)) {
        return command->main(argc, argv);
    }
    struct cli c = {.io = io, .command = command};
    buffer_init(&c.out, CLI_OUTPUT_BYTES);
    cli_help_command(&c.out, command);
    return finish(&c, OK_STATUS);
}

int cli_run(struct cli_io io, int argc, char **argv)
{
    cli_commands_register();
    int words = 0;
    const struct cli_command *command = cli_command_find(argc, argv, &words);
    bool local = command != NULL && command->main != NULL;
    return (local ? run_main : run_client)(io, command, argc - words, argv + words);
}

static void free_copies(char ***copies)
{
    for (char **at = *copies; at != NULL && *at != NULL; at++) {
        explicit_bzero(*at, strlen(*at));
        free(*at);
    }
    free(*copies);
}

// What stands behind '=' may be a secret: it moves out of the memory that /proc/PID/cmdline shows.
static char **take_arguments(int argc, char **argv)
{
    CLEANUP(free_copies) char **copies = calloc((size_t)argc + 1, sizeof *copies);
    for (int i = 0; copies != NULL && i < argc; i++) {
        copies[i] = strdup(argv[i]);
        // lint: allow(analyzer) free_copies() frees the others
        if (copies[i] == NULL) {
            return NULL;
        }
        char *value = strchr(argv[i], '=');
        if (value != NULL) {
            explicit_bzero(value + 1, strlen(value + 1));
        }
    }
    return TAKE(copies);
}

// A client holds a secret for a moment: unlike the server it runs without locked memory too, but
// it never leaves a core behind.
static struct status prepare_client(void)
{
    if (prctl(PR_SET_DUMPABLE, 0) != 0) {
        FAIL(UNAVAILABLE, "the system doesn't let a process refuse core dumps");
    }
    TRY(secret_system_init(true));
    return cli_client_system_init();
}

int cli_main(int argc, char **argv)
{
    struct cli_io io = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    int count = argc > 0 ? argc - 1 : 0;
    cli_commands_register();
    int words = 0;
    const struct cli_command *command = cli_command_find(count, argv + 1, &words);
    if (command != NULL && command->main != NULL) {
        return run_main(io, command, count - words, argv + 1 + words);
    }
    CLEANUP(free_copies) char **copies = take_arguments(count, argv + 1);
    struct status ready = prepare_client();
    if (copies == NULL || !status_ok(ready)) {
        dprintf(STDERR_FILENO, "rotunda: %s\n", copies == NULL ? "out of memory" : ready.what);
        return CLI_EXIT_LOCAL;
    }
    return cli_run(io, count, copies);
}
