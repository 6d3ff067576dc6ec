// SPDX-License-Identifier: ISC
// The whole API by path, for everything that has no command of its own.
#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/encode.h"
#include "api/cli/output.h"
#include "vault/base/limits.h"

enum { QUERY_BYTES = 32 * 1024 };

// key=value operands as query parameters.
static struct status read_query(struct cli *c, size_t first, struct buffer *query)
{
    for (size_t i = first; i < c->args.operand_count; i++) {
        struct str key;
        struct str value;
        if (!str_split(c->args.operands[i], '=', &key, &value) || key.len == 0) {
            return cli_problem_local(&c->problem, "expected key=value after the path");
        }
        cli_query_add(query, key, value);
    }
    return buffer_status(query);
}

static struct status run_plain(struct cli *c, const char *method, struct cli_answer *out)
{
    struct str path;
    CLEANUP(cli_buffer_done) struct buffer query;
    buffer_init(&query, QUERY_BYTES);
    TRY(cli_operand_path(c, 0, &path));
    TRY(read_query(c, 1, &query));
    TRY(cli_connect(c, true));
    struct cli_request request = {.method = method, .path = path, .query = buffer_str(&query)};
    return cli_call(c, &request, out);
}

static struct status run_read(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(run_plain(c, "GET", &answer));
    return cli_print_answer(c, &answer);
}

static struct status run_list(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(cli_operand_path(c, 0, &path));
    TRY(cli_connect(c, true));
    TRY(cli_list(c, path, &answer));
    return cli_print_keys(c, &answer);
}

static struct status run_delete(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(run_plain(c, "DELETE", &answer));
    cli_say(c, "Deleted (if it was there): %.*s", STR_ARG(answer.path));
    return OK_STATUS;
}

static struct status run_write(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    if (c->args.operand_count == 1 && !cli_args_bool(&c->args, "force", false) &&
        !cli_args_bool(&c->args, "f", false)) {
        return cli_problem_local(&c->problem, "nothing to write: give key=value, or -force");
    }
    TRY(cli_operand_path(c, 0, &path));
    TRY(cli_body_read(c, 1, &body));
    TRY(cli_connect(c, true));
    TRY(cli_put(c, path, buffer_str(&body), &answer));
    if (!json_present(answer.json)) {
        cli_say(c, "Written: %.*s", STR_ARG(path));
    }
    return cli_print_answer(c, &answer);
}

static const struct cli_flag write_flags[] = {
    {"force", CLI_FLAG_BOOL, NULL, "write without any values"},
    {"f", CLI_FLAG_BOOL, NULL, "the same"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define READ_HELP                                                                                  \
    "Reads any path of the API; key=value become query parameters.\n\n"                            \
    "Example: rotunda read sys/host-info"
#define WRITE_HELP                                                                                 \
    "Writes to any path of the API. Values: key=value, key=@file, key=- (standard input),\n"       \
    "@file.json or - for a whole JSON object. A secret belongs in a file or a pipe, not in an\n"   \
    "argument.\n\nExample: rotunda write auth/userpass/users/ada password=- policies=dev"
#define LIST_HELP "Lists the keys below a path.\n\nExample: rotunda list auth/token/accessors"
#define DELETE_HELP "Deletes what is at a path.\n\nExample: rotunda delete auth/userpass/users/ada"

static const struct cli_command commands[] = {
    {"read", "read a path", "PATH [key=value...]", READ_HELP, NULL, 1, CLI_ANY, run_read, NULL},
    {"write", "write to a path", "PATH [key=value...]", WRITE_HELP, write_flags, 1, CLI_ANY,
     run_write, NULL},
    {"list", "list the keys below a path", "PATH", LIST_HELP, NULL, 1, 1, run_list, NULL},
    {"delete", "delete what is at a path", "PATH [key=value...]", DELETE_HELP, NULL, 1, CLI_ANY,
     run_delete, NULL},
};
const struct cli_command_list cli_generic_commands = {commands, ARRAY_LEN(commands)};
