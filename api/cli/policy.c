// SPDX-License-Identifier: ISC
// Policies: list, read, write, delete.
#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/output.h"
#include "api/cli/terminal.h"
#include "vault/base/limits.h"

static struct status policy_path(struct cli *c, struct str *path)
{
    struct str name;
    TRY(cli_operand_path(c, 0, &name));
    return cli_path(c, path, "sys/policies/acl/%.*s", STR_ARG(name));
}

static struct status run_list(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_connect(c, true));
    TRY(cli_list(c, STR("sys/policies/acl"), &answer));
    return cli_print_keys(c, &answer);
}

static struct status run_read(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(policy_path(c, &path));
    TRY(cli_connect(c, true));
    TRY(cli_get(c, path, &answer));
    if (c->settings.format == CLI_FORMAT_JSON || c->settings.field.len > 0) {
        return cli_print_answer(c, &answer);
    }
    struct str text = cli_value_text(json_get(json_get(answer.json, "data"), "policy"));
    cli_append_visible(&c->out, text);
    if (!str_ends_with(text, STR("\n"))) {
        buffer_append_byte(&c->out, '\n');
    }
    return OK_STATUS;
}

static struct status write_body(struct cli *c, struct buffer *body)
{
    CLEANUP(cli_buffer_done) struct buffer text;
    buffer_init(&text, 2 * LIMIT_POLICY_BYTES);
    TRY(cli_read_file(cli_args_operand(&c->args, 1), c->io.in_fd, &c->problem, &text));
    if (!str_is_text(buffer_str(&text))) {
        return cli_problem_local(&c->problem, "a policy is UTF-8 text, HCL or JSON");
    }
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    json_add_string(&w, "policy", buffer_str(&text));
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status run_write(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    TRY(policy_path(c, &path));
    TRY(write_body(c, &body));
    TRY(cli_connect(c, true));
    TRY(cli_put(c, path, buffer_str(&body), &answer));
    cli_say(c, "Written: %.*s", STR_ARG(path));
    return OK_STATUS;
}

static struct status run_delete(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(policy_path(c, &path));
    TRY(cli_connect(c, true));
    TRY(cli_delete(c, path, &answer));
    cli_say(c, "Deleted (if it was there): %.*s", STR_ARG(path));
    return OK_STATUS;
}

#define LIST_HELP "Lists the names of all policies.\n\nExample: rotunda policy list"
#define READ_HELP "Prints a policy as it was written.\n\nExample: rotunda policy read deploy"
#define WRITE_HELP                                                                                 \
    "Writes a policy from a file, or from standard input (-), in HCL or JSON.\n\n"                 \
    "Example: rotunda policy write deploy deploy.hcl"
#define DELETE_HELP                                                                                \
    "Deletes a policy; tokens that have it lose what it allowed at once.\n\n"                      \
    "Example: rotunda policy delete deploy"

static const struct cli_command commands[] = {
    {"policy list", "names of all policies", "", LIST_HELP, NULL, 0, 0, run_list, NULL},
    {"policy read", "print a policy", "NAME", READ_HELP, NULL, 1, 1, run_read, NULL},
    {"policy write", "write a policy", "NAME FILE|-", WRITE_HELP, NULL, 2, 2, run_write, NULL},
    {"policy delete", "delete a policy", "NAME", DELETE_HELP, NULL, 1, 1, run_delete, NULL},
};
const struct cli_command_list cli_policy_commands = {commands, ARRAY_LEN(commands)};
