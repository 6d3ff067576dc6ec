// SPDX-License-Identifier: ISC
// Logging in and out: finding a token and keeping it in the token file.
#include <stdio.h>

#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/output.h"
#include "api/cli/terminal.h"
#include "api/cli/token_file.h"

enum { BODY_BYTES = 256 * 1024 };

static struct status store(struct cli *c, struct bytes token)
{
    struct str path;
    if (cli_args_bool(&c->args, "no-store", false)) {
        return OK_STATUS;
    }
    TRY(cli_token_file_path(c->arena, &c->problem, &path));
    TRY(cli_token_file_write(c->arena, path, token, &c->problem));
    cli_say(c, "Logged in. The token is kept in %s.", path.ptr);
    if (cli_environment("TOKEN").len > 0) {
        dprintf(c->io.err_fd, "rotunda: warning: ROTUNDA_TOKEN or VAULT_TOKEN is set and wins over "
                              "the stored token\n");
    }
    return OK_STATUS;
}

static struct status login_with_token(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(secret_cleanup) struct secret *token = NULL;
    struct cli_prompt prompt = {c->io.in_fd, c->io.err_fd, "Token"};
    TRY(cli_prompt_secret(&prompt, &c->problem, &token));
    if (secret_len(token) == 0) {
        return cli_problem_local(&c->problem, "no token was given");
    }
    TRY(cli_connect_with(c, token)); // proves that the server knows it
    TRY(cli_get(c, STR("auth/token/lookup-self"), &answer));
    TRY(store(c, secret_view(token)));
    if (c->settings.format == CLI_FORMAT_JSON || c->settings.field.len > 0) {
        return cli_print_answer(c, &answer);
    }
    cli_say(c, "Policies: %.*s",
            STR_ARG(cli_value_text(json_get(json_get(answer.json, "data"), "policies"))));
    return OK_STATUS;
}

// userpass and ldap name the user in the path and ask for the password.
static bool asks_for_password(struct str method)
{
    return str_equal_c(method, "userpass") || str_equal_c(method, "ldap");
}

static struct status add_password(struct cli *c, struct json_writer *w)
{
    CLEANUP(secret_cleanup) struct secret *password = NULL;
    struct cli_prompt prompt = {c->io.in_fd, c->io.err_fd, "Password"};
    TRY(cli_prompt_secret(&prompt, &c->problem, &password));
    struct str text = str_from_bytes(secret_view(password));
    if (!str_is_text(text)) {
        return cli_problem_local(&c->problem, "the password isn't UTF-8 text");
    }
    json_begin_object(w);
    json_add_string(w, "password", text);
    json_end_object(w);
    return json_writer_status(w);
}

static struct status login_with_password(struct cli *c, struct str mount, struct cli_answer *out)
{
    struct str user;
    struct str path;
    struct str key;
    bool named = str_split(cli_args_operand(&c->args, 0), '=', &key, &user);
    if (c->args.operand_count != 1 || !named || !str_equal_c(key, "username") || user.len == 0) {
        return cli_problem_local(&c->problem, "name the user, and only the user: username=NAME; "
                                              "the password is asked for");
    }
    CLEANUP(cli_buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES);
    struct json_writer w = json_writer_on(&body);
    TRY(add_password(c, &w));
    TRY(cli_path(c, &path, "auth/%.*s/login/%.*s", STR_ARG(mount), STR_ARG(user)));
    return cli_post(c, path, buffer_str(&body), out);
}

static struct status login_with_fields(struct cli *c, struct str mount, struct cli_answer *out)
{
    struct str path;
    CLEANUP(cli_buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES);
    TRY(cli_body_read(c, 0, &body));
    TRY(cli_path(c, &path, "auth/%.*s/login", STR_ARG(mount)));
    return cli_post(c, path, buffer_str(&body), out);
}

static struct status keep_answer(struct cli *c, const struct cli_answer *answer)
{
    struct json_value auth = json_get(answer->json, "auth");
    struct str token = {NULL, 0};
    bool wrapped = !json_is_null(json_get(answer->json, "wrap_info"));
    if (!wrapped && !status_ok(json_as_str(json_get(auth, "client_token"), &token))) {
        return cli_problem_remote(&c->problem, "the server answered without a token");
    }
    bool machine = c->settings.format == CLI_FORMAT_JSON || c->settings.field.len > 0;
    if (!wrapped) {
        TRY(store(c, bytes_from_str(token)));
    }
    if (machine || wrapped || cli_args_bool(&c->args, "no-store", false)) {
        return cli_print_answer(c, answer);
    }
    cli_say(c, "Policies: %.*s", STR_ARG(cli_value_text(json_get(auth, "policies"))));
    return OK_STATUS;
}

static struct status run_login(struct cli *c)
{
    struct str method = cli_args_text(&c->args, "method");
    struct str mount = cli_args_text(&c->args, "path");
    if (method.len == 0 || str_equal_c(method, "token")) {
        if (c->args.operand_count == 0 || str_equal_c(c->args.operands[0], "-")) {
            return login_with_token(c);
        }
        return cli_problem_local(&c->problem, "a token is never given as an argument: type it when "
                                              "asked, or pipe it in");
    }
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    mount = mount.len > 0 ? mount : method;
    TRY(cli_connect(c, false));
    TRY((asks_for_password(method) ? login_with_password : login_with_fields)(c, mount, &answer));
    return keep_answer(c, &answer);
}

static struct status run_logout(struct cli *c)
{
    struct str path;
    TRY(cli_token_file_path(c->arena, &c->problem, &path));
    TRY(cli_token_file_remove(path, &c->problem));
    cli_say(c, "The stored token is gone. It stays valid until it expires or is revoked: `rotunda "
               "token revoke -self` does that first.");
    return OK_STATUS;
}

static const struct cli_flag login_flags[] = {
    {"method", CLI_FLAG_TEXT, "NAME", "token (default); for other servers userpass, approle ..."},
    {"path", CLI_FLAG_TEXT, "MOUNT", "where the method is mounted, when not at its name"},
    {"no-store", CLI_FLAG_BOOL, NULL, "don't keep the token, print it"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define LOGIN_HELP                                                                                 \
    "Checks a token, typed without echo or read from a pipe, and keeps it in ~/.rotunda-token\n"   \
    "(ROTUNDA_TOKEN_FILE names another file), readable by you alone.\n\n"                          \
    "For other servers, as Rotunda has no further auth methods yet: with -method it asks one\n"    \
    "for a token first; userpass and ldap ask for the password, the others take their fields as\n" \
    "operands.\n\n"                                                                                \
    "Examples: rotunda login\n"                                                                    \
    "          rotunda login -method=userpass username=ada\n"                                      \
    "          rotunda login -method=approle role_id=... secret_id=@/run/app/secret-id"
#define LOGOUT_HELP "Removes the stored token from this machine.\n\nExample: rotunda logout"

static const struct cli_command commands[] = {
    {"login", "get a token and keep it", "[- | key=value...]", LOGIN_HELP, login_flags, 0, CLI_ANY,
     run_login, NULL},
    {"logout", "remove the stored token", "", LOGOUT_HELP, NULL, 0, 0, run_logout, NULL},
};
const struct cli_command_list cli_login_commands = {commands, ARRAY_LEN(commands)};
