// SPDX-License-Identifier: ISC
// Targets, credentials and their rotation.
#include <string.h>

#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/output.h"
#include "vault/base/limits.h"

// "targets" or "credentials", by the command's own name.
static const char *collection(const struct cli *c)
{
    return strncmp(c->command->name, "rotation target", strlen("rotation target")) == 0
               ? "targets"
               : "credentials";
}

// <mount>/<kind>[/<name>][<tail>], the name from the first operand when there is one.
static struct status make_path(struct cli *c, const char *kind, const char *tail, struct str *out)
{
    struct str mount = cli_args_text(&c->args, "mount");
    struct str name = {NULL, 0};
    if (mount.len == 0) {
        mount = STR("rotation");
    }
    if (c->args.operand_count > 0) {
        TRY(cli_operand_path(c, 0, &name));
    }
    return cli_path(c, out, "%.*s/%s%s%.*s%s", STR_ARG(mount), kind, name.len > 0 ? "/" : "",
                    STR_ARG(name), tail);
}

static struct status read_and_print(struct cli *c, const char *kind, const char *tail)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(make_path(c, kind, tail, &path));
    TRY(cli_connect(c, true));
    TRY(cli_get(c, path, &answer));
    return cli_print_answer(c, &answer);
}

static struct status run_read(struct cli *c)
{
    return read_and_print(c, collection(c), "");
}

static struct status run_status(struct cli *c)
{
    return read_and_print(c, "status", "");
}

static struct status run_write(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    TRY(make_path(c, collection(c), "", &path));
    TRY(cli_body_read(c, 1, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Written: %.*s", STR_ARG(path));
    return cli_print_answer(c, &answer);
}

static struct status run_list(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(make_path(c, collection(c), "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_list(c, path, &answer));
    return cli_print_keys(c, &answer);
}

static struct status run_delete(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(make_path(c, collection(c), "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_delete(c, path, &answer));
    cli_say(c, "Deleted (if it was there): %.*s", STR_ARG(path));
    return OK_STATUS;
}

static struct status run_creds(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_request request = {.method = "GET"};
    if (cli_args_bool(&c->args, "previous", false)) {
        request.query = STR("version=previous");
    }
    TRY(make_path(c, "creds", "", &request.path));
    TRY(cli_connect(c, true));
    TRY(cli_call(c, &request, &answer));
    return cli_print_answer(c, &answer);
}

static struct status rotate_body(struct cli *c, struct buffer *out)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    cli_body_add_text(c, &w, "timeout", "wait");
    json_end_object(&w);
    return json_writer_status(&w);
}

static bool is_one_of(struct str state, const char *const *states)
{
    while (*states != NULL && !str_equal_c(state, *states)) {
        states++;
    }
    return *states != NULL;
}

// "blocked; not_permitted: the role is a superuser"
static void describe(const struct cli_answer *answer, struct str state, struct buffer *out)
{
    struct json_value data = json_get(answer->json, "data");
    cli_append_visible(out, state);
    if (!json_is_null(json_get(data, "error_class"))) {
        buffer_append_c(out, "; ");
        cli_append_visible(out, cli_value_text(json_get(data, "error_class")));
        buffer_append_c(out, ": ");
        cli_append_visible(out, cli_value_text(json_get(data, "error")));
    }
}

static struct status say_unfinished(struct cli *c, struct str name, struct str how)
{
    int64_t wait_s = 1;
    if (cli_args_has(&c->args, "wait")) {
        TRY(str_parse_duration_s(cli_args_text(&c->args, "wait"), &wait_s));
    }
    if (wait_s == 0) {
        cli_say(c, "Rotation of %.*s was asked for; `rotunda rotation history` tells how it goes.",
                STR_ARG(name));
        return OK_STATUS;
    }
    status_ignore(cli_problem_remote(
        &c->problem,
        "the rotation of %.*s isn't done yet (state %.*s).\nIt goes on; `rotunda rotation history "
        "%.*s` tells how.",
        STR_ARG(name), STR_ARG(how), STR_ARG(name)));
    FAIL(TIMEOUT, "the rotation isn't done yet");
}

// Done is only what is served now, after a login with it.
static struct status judge_rotation(struct cli *c, const struct cli_answer *answer)
{
    static const char *const done[] = {"promoted", "draining", "retired", NULL};
    struct json_value data = json_get(answer->json, "data");
    struct str name = cli_args_operand(&c->args, 0);
    struct str state;
    CLEANUP(cli_buffer_done) struct buffer how;
    buffer_init(&how, CLI_PROBLEM_BYTES);
    if (!status_ok(json_as_str(json_get(data, "state"), &state))) {
        return cli_problem_remote(&c->problem, "the answer doesn't say how the rotation went");
    }
    describe(answer, state, &how);
    if (is_one_of(state, done)) {
        cli_say(c, "Rotated: version %.*s of %.*s is current, and the target accepts it.",
                STR_ARG(cli_value_text(json_get(data, "version"))), STR_ARG(name));
        return OK_STATUS;
    }
    if (str_equal_c(state, "rolled_back")) {
        return cli_problem_remote(&c->problem, "the rotation of %.*s was given up", STR_ARG(name));
    }
    if (!str_equal_c(state, "blocked")) {
        return say_unfinished(c, name, buffer_str(&how));
    }
    return cli_problem_remote(&c->problem,
                              "the rotation of %.*s waits for a person (state %.*s).\nPut right "
                              "what it names, then acknowledge it: action=retry, apply or abandon.",
                              STR_ARG(name), STR_ARG(buffer_str(&how)));
}

static struct status run_rotate(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, CLI_PROBLEM_BYTES);
    TRY(make_path(c, "credentials", "/rotate", &path));
    TRY(rotate_body(c, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    struct status outcome = judge_rotation(c, &answer);
    TRY(cli_print_answer(c, &answer));
    return outcome;
}

static struct status run_rotate_target(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    CLEANUP(cli_buffer_done) struct buffer how;
    struct str path;
    struct str state = STR("");
    buffer_init(&body, CLI_PROBLEM_BYTES);
    buffer_init(&how, CLI_PROBLEM_BYTES);
    TRY(make_path(c, "targets", "/rotate", &path));
    TRY(rotate_body(c, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    struct str name = cli_args_operand(&c->args, 0);
    status_ignore(json_as_str(json_get(json_get(answer.json, "data"), "state"), &state));
    TRY(cli_print_answer(c, &answer));
    describe(&answer, state, &how);
    if (str_equal_c(state, "promoted")) {
        cli_say(c, "Rotated: the rotator of %.*s logs in with its new password.", STR_ARG(name));
        return OK_STATUS;
    }
    if (str_equal_c(state, "abandoned")) {
        return cli_problem_remote(&c->problem, "the target refused, and nothing was changed: %.*s",
                                  STR_ARG(buffer_str(&how)));
    }
    status_ignore(cli_problem_remote(
        &c->problem,
        "it isn't done yet (%.*s).\nIt goes on; `rotunda rotation target read` tells how.",
        STR_ARG(buffer_str(&how))));
    FAIL(TIMEOUT, "the rotation isn't done yet");
}

static struct status run_recovery(struct cli *c)
{
    return read_and_print(c, "targets", "/recovery");
}

static struct status run_recovery_key(struct cli *c)
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
    TRY(make_path(c, "recovery-key", "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Hand each share to another person; they are never shown again.");
    return cli_print_answer(c, &answer);
}

static struct status run_history(struct cli *c)
{
    static const char *const columns[] = {"time", "attempt", "state", "detail", NULL};
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(make_path(c, "credentials", "/history", &path));
    TRY(cli_connect(c, true));
    TRY(cli_get(c, path, &answer));
    return cli_print_records(c, &answer, columns);
}

static const struct cli_flag mount_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag creds_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"previous", CLI_FLAG_BOOL, NULL, "the value before the current one, while it is served"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag rotate_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"wait", CLI_FLAG_DURATION, "TIME", "for the outcome, at most 60s (default 30s); 0s: only ask"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

static const struct cli_flag recovery_key_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"shares", CLI_FLAG_COUNT, "N", "number of shares to split into (default 1)"},
    {"threshold", CLI_FLAG_COUNT, "N", "number of shares that are needed (default 1)"},
    {"replace", CLI_FLAG_BOOL, NULL, "another key; what was sealed before takes the old shares"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define TARGET_ROTATE_HELP                                                                         \
    "Replaces the password that the rotator itself logs in with. Takes a recovery key; the new\n"  \
    "value is stored, and sealed to that key, before the target is touched. Exit code 2: the\n"    \
    "target refused and nothing changed; 3: it isn't done yet and goes on.\n\n"                    \
    "Example: rotunda rotation target rotate orders-db"
#define TARGET_RECOVERY_HELP                                                                       \
    "Shows the sealed copies of the rotator's own password, to be kept elsewhere. Only the\n"      \
    "shares of the recovery key open them: rotunda rotation recover.\n\n"                          \
    "Example: rotunda rotation target recovery -format=json orders-db > orders-db.recovery"
#define RECOVERY_KEY_HELP                                                                          \
    "Makes the key that copies of rotators' own passwords are sealed to, and prints its shares,\n" \
    "once.\n\nExample: rotunda rotation recovery-key -shares=3 -threshold=2"
#define TARGET_WRITE_HELP                                                                          \
    "Connects a system whose credentials are to be rotated. Which fields there are depends on\n"   \
    "its rotator; secrets belong in a file or a pipe.\n\n"                                         \
    "Example: rotunda rotation target write orders-db rotator=postgresql host=db.internal \\\n"    \
    "             username=rotator password=-"
#define CREDENTIAL_WRITE_HELP                                                                      \
    "Takes a credential into care: target, account, strategy, interval, grace, owner, purpose,\n"  \
    "expires_at. Without a password to begin with, the first rotation is due at once.\n\n"         \
    "Example: rotunda rotation credential write orders-app target=orders-db account=orders \\\n"   \
    "             interval=24h grace=1h owner=team-orders purpose='orders service'"
#define READ_HELP "Shows its settings and state, never a value.\n\nExample: rotunda rotation "
#define LIST_HELP "Lists the names.\n\nExample: rotunda rotation "
#define DELETE_HELP "Removes it here; the target isn't touched.\n\nExample: rotunda rotation "
#define CREDS_HELP                                                                                 \
    "Prints the current value of a credential.\n\n"                                                \
    "Example: rotunda rotation creds -field=password orders-app"
#define ROTATE_HELP                                                                                \
    "Rotates now, ahead of the schedule, and waits for the outcome. Exit code 0 when the new\n"    \
    "version is current, 2 when that takes a person, 3 when it isn't done yet and goes on.\n\n"    \
    "Example: rotunda rotation rotate orders-app"
#define HISTORY_HELP                                                                               \
    "Shows what happened to a credential, step by step.\n\n"                                       \
    "Example: rotunda rotation history orders-app"
#define ROTATION_STATUS_HELP                                                                       \
    "Shows what is due, under way, blocked.\n\nExample: rotunda rotation status"

static const struct cli_command commands[] = {
    {"rotation target write", "connect a system", "NAME key=value...", TARGET_WRITE_HELP,
     mount_flags, 2, CLI_ANY, run_write, NULL},
    {"rotation target read", "a system's settings", "NAME", READ_HELP "target read orders-db",
     mount_flags, 1, 1, run_read, NULL},
    {"rotation target list", "the connected systems", "", LIST_HELP "target list", mount_flags, 0,
     0, run_list, NULL},
    {"rotation target delete", "disconnect a system", "NAME", DELETE_HELP "target delete orders-db",
     mount_flags, 1, 1, run_delete, NULL},
    {"rotation target rotate", "replace the rotator's own password", "NAME", TARGET_ROTATE_HELP,
     rotate_flags, 1, 1, run_rotate_target, NULL},
    {"rotation target recovery", "sealed copies of the rotator's own password", "NAME",
     TARGET_RECOVERY_HELP, mount_flags, 1, 1, run_recovery, NULL},
    {"rotation recovery-key", "make the key that they are sealed to", "", RECOVERY_KEY_HELP,
     recovery_key_flags, 0, 0, run_recovery_key, NULL},
    {"rotation credential write", "take a credential into care", "NAME key=value...",
     CREDENTIAL_WRITE_HELP, mount_flags, 2, CLI_ANY, run_write, NULL},
    {"rotation credential read", "a credential's settings and state", "NAME",
     READ_HELP "credential read orders-app", mount_flags, 1, 1, run_read, NULL},
    {"rotation credential list", "the credentials in care", "", LIST_HELP "credential list",
     mount_flags, 0, 0, run_list, NULL},
    {"rotation credential delete", "let go of a credential", "NAME",
     DELETE_HELP "credential delete orders-app", mount_flags, 1, 1, run_delete, NULL},
    {"rotation creds", "the current value", "NAME", CREDS_HELP, creds_flags, 1, 1, run_creds, NULL},
    {"rotation rotate", "rotate now", "NAME", ROTATE_HELP, rotate_flags, 1, 1, run_rotate, NULL},
    {"rotation history", "what happened to a credential", "NAME", HISTORY_HELP, mount_flags, 1, 1,
     run_history, NULL},
    {"rotation status", "what is due, under way, blocked", "", ROTATION_STATUS_HELP, mount_flags, 0,
     0, run_status, NULL},
};
const struct cli_command_list cli_rotation_commands = {commands, ARRAY_LEN(commands)};
