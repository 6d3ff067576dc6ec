// SPDX-License-Identifier: ISC
// Targets, credentials and their rotation.
#include <string.h>

#include "api/cli/commands.h"
#include "api/cli/rotation_cli.h"
#include "vault/base/limits.h"

// "targets" or "credentials", by the command's own name.
static const char *collection(const struct cli *c)
{
    return strncmp(c->command->name, "rotation target", strlen("rotation target")) == 0
               ? "targets"
               : "credentials";
}

struct status rotation_cli_path(struct cli *c, const char *kind, const char *tail, struct str *out)
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
    TRY(rotation_cli_path(c, kind, tail, &path));
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
    TRY(rotation_cli_path(c, collection(c), "", &path));
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
    TRY(rotation_cli_path(c, collection(c), "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_list(c, path, &answer));
    return cli_print_keys(c, &answer);
}

static struct status run_delete(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(rotation_cli_path(c, collection(c), "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_delete(c, path, &answer));
    cli_say(c, "Deleted (if it was there): %.*s", STR_ARG(path));
    return OK_STATUS;
}

static struct status run_delete_credential(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_request request = {.method = "DELETE"};
    request.query = cli_args_has(&c->args, "force") ? STR("force=true") : STR("");
    TRY(rotation_cli_path(c, "credentials", "", &request.path));
    TRY(cli_connect(c, true));
    TRY(cli_call(c, &request, &answer));
    cli_say(c, "Deleted: %.*s", STR_ARG(request.path));
    return OK_STATUS;
}

static struct status run_history(struct cli *c)
{
    static const char *const columns[] = {"time", "attempt", "state", "detail", NULL};
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(rotation_cli_path(c, "credentials", "/history", &path));
    TRY(cli_connect(c, true));
    TRY(cli_get(c, path, &answer));
    return cli_print_records(c, &answer, columns);
}

static const struct cli_flag mount_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag delete_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"force", CLI_FLAG_BOOL, NULL, "also where values of it are left at the target; names them"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag creds_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"previous", CLI_FLAG_BOOL, NULL, "the value before the current one, while it is served"},
    {"wait", CLI_FLAG_DURATION, "TIME", "at most 60s, until it is another version than -version"},
    {"version", CLI_FLAG_COUNT, "N", "the version that you have; goes with -wait"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag watch_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"credentials", CLI_FLAG_TEXT, "PATTERN", "names, with * for any characters (default all)"},
    {"since", CLI_FLAG_COUNT, "ID", "begin after this event; 0: with the oldest that is kept"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag rotate_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"wait", CLI_FLAG_DURATION, "TIME", "for the outcome, at most 60s (default 30s); 0s: only ask"},
    {"force", CLI_FLAG_BOOL, NULL, "in a blackout of the credential too"},
    {"progress", CLI_FLAG_BOOL, NULL, "tell each state, also where standard error is no terminal"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag target_rotate_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"wait", CLI_FLAG_DURATION, "TIME", "for the outcome, at most 60s (default 30s); 0s: only ask"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag rollback_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"wait", CLI_FLAG_DURATION, "TIME", "for the outcome, at most 60s (default 30s); 0s: only ask"},
    {"progress", CLI_FLAG_BOOL, NULL, "tell each state, also where standard error is no terminal"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag schedule_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"next", CLI_FLAG_COUNT, "N", "how many dates, at most 100 (default 10)"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag acknowledge_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"action", CLI_FLAG_TEXT, "ACTION",
     "retry (default), apply or abandon; import is given as a value"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag check_flags[] = {
    {"mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"},
    {"account", CLI_FLAG_TEXT, "NAME", "one account (default: all that are in care there)"},
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
    "Takes a credential into care: target, account, strategy, interval or cron, time_zone,\n"      \
    "windows, blackouts, jitter, grace, retire, value_length, value_require, owner, purpose,\n"    \
    "expires_at. Without a password to begin with, the first rotation is due at once.\n\n"         \
    "Example: rotunda rotation credential write orders-app target=orders-db account=orders \\\n"   \
    "             interval=24h grace=1h owner=team-orders purpose='orders service'"
#define READ_HELP "Shows its settings and state, never a value.\n\nExample: rotunda rotation "
#define LIST_HELP "Lists the names.\n\nExample: rotunda rotation "
#define DELETE_HELP "Removes it here; the target isn't touched.\n\nExample: rotunda rotation "
#define CREDENTIAL_DELETE_HELP                                                                     \
    "Lets go of it; the target isn't touched. Refused while its previous value, or one of a\n"     \
    "rotation that isn't done, is or may be valid there: -force deletes it all the same and\n"     \
    "names what is left for you to end.\n\nExample: rotunda rotation credential delete orders-app"
#define CREDS_HELP                                                                                 \
    "Prints the current value of a credential.\n\n"                                                \
    "Example: rotunda rotation creds -field=password orders-app"
#define ROTATE_HELP                                                                                \
    "Rotates now, ahead of the schedule, and waits for the outcome. Exit code 0 when the new\n"    \
    "version is current, 2 when that takes a person, 3 when it isn't done yet and goes on.\n\n"    \
    "Example: rotunda rotation rotate orders-app"
#define WATCH_HELP                                                                                 \
    "Prints a line for each event: rotated, retired, failing, blocked, expiring ... It comes "     \
    "back\n"                                                                                       \
    "by itself after a break and goes on where it was; Ctrl-C ends it. With -format=json each\n"   \
    "line is the notice as webhooks get it.\n\n"                                                   \
    "Example: rotunda rotation watch -credentials='orders-*'"
#define HISTORY_HELP                                                                               \
    "Shows what happened to a credential, step by step.\n\n"                                       \
    "Example: rotunda rotation history orders-app"
#define PLAN_HELP                                                                                  \
    "Tells the steps of the next rotation at the target, values left out, and who read the\n"      \
    "value in the last 90 days. Changes nothing.\n\nExample: rotunda rotation plan orders-app"
#define PAUSE_HELP                                                                                 \
    "Lets the schedule rest; what is under way goes on, and rotating by hand still works. A\n"     \
    "short-lived value expires meanwhile: the answer warns of the date.\n\n"                       \
    "Example: rotunda rotation pause orders-app"
#define RESUME_HELP                                                                                \
    "Ends the pause, and says whether a rotation is due now.\n\n"                                  \
    "Example: rotunda rotation resume orders-app"
#define ROLLBACK_HELP                                                                              \
    "Makes the previous value current again, as long as its grace keeps it. Exit codes as of\n"    \
    "`rotunda rotation rotate`.\n\nExample: rotunda rotation rollback orders-app"
#define IMPORT_HELP                                                                                \
    "Takes over the password that the account has at the target now. It is tried there,\n"         \
    "nothing is changed.\n\nExample: rotunda rotation import orders-app password=-"
#define ACKNOWLEDGE_HELP                                                                           \
    "Settles a rotation that is blocked: retry asks the target again, apply sets the new value\n"  \
    "whatever is there, abandon gives the rotation up. Of a value that its issuer made and that\n" \
    "was lost: action=import with what was made by hand.\n\n"                                      \
    "Example: rotunda rotation acknowledge -action=retry orders-app\n"                             \
    "         rotunda rotation acknowledge ci-token action=import external_id=17 password=-"
#define SCHEDULE_HELP                                                                              \
    "Shows the next dates, and which of them windows or blackouts move.\n\n"                       \
    "Example: rotunda rotation schedule -next=20 orders-app"
#define CHECK_HELP                                                                                 \
    "Asks a system what its rotator may do, permission by permission, and how to grant what is\n"  \
    "missing. Exit code 2 when something is.\n\n"                                                  \
    "Example: rotunda rotation target check orders-db"
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
    {"rotation target check", "what a rotator may do there", "NAME", CHECK_HELP, check_flags, 1, 1,
     rotation_cli_check, NULL},
    {"rotation target rotate", "replace the rotator's own password", "NAME", TARGET_ROTATE_HELP,
     target_rotate_flags, 1, 1, rotation_cli_rotate_target, NULL},
    {"rotation target recovery", "sealed copies of the rotator's own password", "NAME",
     TARGET_RECOVERY_HELP, mount_flags, 1, 1, rotation_cli_recovery, NULL},
    {"rotation recovery-key", "make the key that they are sealed to", "", RECOVERY_KEY_HELP,
     recovery_key_flags, 0, 0, rotation_cli_recovery_key, NULL},
    {"rotation credential write", "take a credential into care", "NAME key=value...",
     CREDENTIAL_WRITE_HELP, mount_flags, 2, CLI_ANY, run_write, NULL},
    {"rotation credential read", "a credential's settings and state", "NAME",
     READ_HELP "credential read orders-app", mount_flags, 1, 1, run_read, NULL},
    {"rotation credential list", "the credentials in care", "", LIST_HELP "credential list",
     mount_flags, 0, 0, run_list, NULL},
    {"rotation credential delete", "let go of a credential", "NAME", CREDENTIAL_DELETE_HELP,
     delete_flags, 1, 1, run_delete_credential, NULL},
    {"rotation creds", "the current value", "NAME", CREDS_HELP, creds_flags, 1, 1,
     rotation_cli_creds, NULL},
    {"rotation watch", "what happens, as it happens", "", WATCH_HELP, watch_flags, 0, 0,
     rotation_cli_watch, NULL},
    {"rotation rotate", "rotate now", "NAME", ROTATE_HELP, rotate_flags, 1, 1, rotation_cli_rotate,
     NULL},
    {"rotation plan", "what a rotation would do", "NAME", PLAN_HELP, mount_flags, 1, 1,
     rotation_cli_plan, NULL},
    {"rotation schedule", "the next dates", "NAME", SCHEDULE_HELP, schedule_flags, 1, 1,
     rotation_cli_schedule, NULL},
    {"rotation pause", "let the schedule rest", "NAME", PAUSE_HELP, mount_flags, 1, 1,
     rotation_cli_pause, NULL},
    {"rotation resume", "end a pause", "NAME", RESUME_HELP, mount_flags, 1, 1, rotation_cli_resume,
     NULL},
    {"rotation rollback", "go back to the previous value", "NAME", ROLLBACK_HELP, rollback_flags, 1,
     1, rotation_cli_rollback, NULL},
    {"rotation import", "tell a value that was set at the target", "NAME password=-", IMPORT_HELP,
     mount_flags, 2, CLI_ANY, rotation_cli_import, NULL},
    {"rotation acknowledge", "settle what is blocked", "NAME [key=value...]", ACKNOWLEDGE_HELP,
     acknowledge_flags, 1, CLI_ANY, rotation_cli_acknowledge, NULL},
    {"rotation history", "what happened to a credential", "NAME", HISTORY_HELP, mount_flags, 1, 1,
     run_history, NULL},
    {"rotation status", "what is due, under way, blocked", "", ROTATION_STATUS_HELP, mount_flags, 0,
     0, run_status, NULL},
};
const struct cli_command_list cli_rotation_commands = {commands, ARRAY_LEN(commands)};
