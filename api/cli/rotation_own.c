// SPDX-License-Identifier: ISC
// The password that a rotator itself logs in with: replacing it, and the key that its copies are
// sealed to.
#include "api/cli/rotation_cli.h"

struct status rotation_cli_rotate_target(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    CLEANUP(cli_buffer_done) struct buffer how;
    struct str path;
    struct str state = STR("");
    buffer_init(&body, CLI_PROBLEM_BYTES);
    buffer_init(&how, CLI_PROBLEM_BYTES);
    TRY(rotation_cli_path(c, "targets", "/rotate", &path));
    TRY(rotation_cli_rotate_body(c, false, &body));
    TRY(rotation_cli_outlast_wait(c));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    struct str name = cli_args_operand(&c->args, 0);
    status_ignore(json_as_str(json_get(json_get(answer.json, "data"), "state"), &state));
    TRY(cli_print_answer(c, &answer));
    rotation_cli_describe(json_get(answer.json, "data"), state, &how);
    if (str_equal_c(state, "promoted")) {
        cli_say(c, "Rotated: the rotator of %.*s logs in with its new password.", STR_ARG(name));
        return OK_STATUS;
    }
    if (str_equal_c(state, "abandoned")) {
        return cli_problem_remote(&c->problem, "the target refused, and nothing was changed: %.*s",
                                  STR_ARG(buffer_str(&how)));
    }
    if (str_equal_c(state, "blocked")) {
        return cli_problem_remote(
            &c->problem,
            "it waits for a person (%.*s).\nGive the target the password that "
            "works: `rotunda rotation target write %.*s password=-`.",
            STR_ARG(buffer_str(&how)), STR_ARG(name));
    }
    status_ignore(cli_problem_remote(
        &c->problem,
        "it isn't done yet (%.*s).\nIt goes on; `rotunda rotation target read` tells how.",
        STR_ARG(buffer_str(&how))));
    FAIL(TIMEOUT, "the rotation isn't done yet");
}

struct status rotation_cli_recovery(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(rotation_cli_path(c, "targets", "/recovery", &path));
    TRY(cli_connect(c, true));
    TRY(cli_get(c, path, &answer));
    return cli_print_answer(c, &answer);
}

struct status rotation_cli_recovery_key(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, CLI_PROBLEM_BYTES);
    struct json_writer w = json_writer_on(&body);
    json_begin_object(&w);
    cli_body_add_count(c, &w, "shares", "shares");
    cli_body_add_count(c, &w, "threshold", "threshold");
    if (cli_args_bool(&c->args, "replace", false)) {
        json_add_bool(&w, "replace", true);
    }
    json_end_object(&w);
    TRY(json_writer_status(&w));
    TRY(rotation_cli_path(c, "recovery-key", "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Hand each share to another person; they are never shown again.");
    return cli_print_answer(c, &answer);
}
