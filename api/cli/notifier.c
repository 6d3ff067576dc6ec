// SPDX-License-Identifier: ISC
// Notifiers of rotation: who is told, what was sent, a test, sending again.
#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/output.h"
#include "vault/base/limits.h"

// <mount>/notifiers[/<name>][<tail>], the name from the first operand when there is one.
static struct status make_path(struct cli *c, const char *tail, struct str *out)
{
    struct str mount = cli_args_text(&c->args, "mount");
    struct str name = {NULL, 0};
    if (mount.len == 0) {
        mount = STR("rotation");
    }
    if (c->args.operand_count > 0) {
        TRY(cli_operand_path(c, 0, &name));
    }
    return cli_path(c, out, "%.*s/notifiers%s%.*s%s", STR_ARG(mount), name.len > 0 ? "/" : "",
                    STR_ARG(name), tail);
}

static struct status run_write(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    TRY(make_path(c, "", &path));
    TRY(cli_body_read(c, 1, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Written: %.*s", STR_ARG(path));
    if (json_present(answer.json)) {
        cli_say(c, "The signing key below is shown this once; the receiver needs it.");
    }
    return cli_print_answer(c, &answer);
}

static struct status run_read(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(make_path(c, "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_get(c, path, &answer));
    return cli_print_answer(c, &answer);
}

static struct status run_list(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(make_path(c, "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_list(c, path, &answer));
    return cli_print_keys(c, &answer);
}

static struct status run_delete(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(make_path(c, "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_delete(c, path, &answer));
    cli_say(c, "Deleted (if it was there): %.*s", STR_ARG(path));
    return OK_STATUS;
}

// The flags that are members of the body by the same name.
static struct status flags_body(struct cli *c, const char *const *names, struct buffer *out)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    for (; *names != NULL; names++) {
        cli_body_add_text(c, &w, *names, *names);
    }
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status post_flags(struct cli *c, const char *tail, const char *const *names,
                                struct cli_answer *answer)
{
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, CLI_PROBLEM_BYTES);
    TRY(make_path(c, tail, &path));
    TRY(flags_body(c, names, &body));
    TRY(cli_connect(c, true));
    return cli_post(c, path, buffer_str(&body), answer);
}

static struct status run_test(struct cli *c)
{
    static const char *const names[] = {"to", NULL};
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    bool delivered = false;
    TRY(post_flags(c, "/test", names, &answer));
    struct json_value data = json_get(answer.json, "data");
    TRY(cli_print_answer(c, &answer));
    if (status_ok(json_as_bool(json_get(data, "delivered"), &delivered)) && delivered) {
        return OK_STATUS;
    }
    return cli_problem_remote(&c->problem, "the test wasn't delivered: %.*s",
                              STR_ARG(cli_value_text(json_get(data, "error"))));
}

static struct status run_replay(struct cli *c)
{
    static const char *const names[] = {"from", "to", "credential", "state", NULL};
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(post_flags(c, "/replay", names, &answer));
    return cli_print_answer(c, &answer);
}

static struct status make_query(struct cli *c, struct str *out)
{
    struct str state = cli_args_text(&c->args, "state");
    int64_t limit = cli_args_count(&c->args, "limit", 100);
    int64_t after = cli_args_count(&c->args, "after", 0);
    return arena_printf(c->arena, out, "limit=%lld&after=%lld%s%.*s", (long long)limit,
                        (long long)after, state.len > 0 ? "&state=" : "", STR_ARG(state));
}

static struct status run_deliveries(struct cli *c)
{
    static const char *const columns[] = {"seq",   "credential", "event", "version", "state",
                                          "tries", "status",     "error", NULL};
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_request request = {.method = "GET"};
    TRY(make_path(c, "/deliveries", &request.path));
    TRY(make_query(c, &request.query));
    TRY(cli_connect(c, true));
    TRY(cli_call(c, &request, &answer));
    return cli_print_records(c, &answer, columns);
}

#define MOUNT_FLAG                                                                                 \
    {                                                                                              \
        "mount", CLI_FLAG_TEXT, "PATH", "where the engine is mounted (default rotation)"           \
    }
#define LAST_FLAG                                                                                  \
    {                                                                                              \
        NULL, CLI_FLAG_BOOL, NULL, NULL                                                            \
    }

static const struct cli_flag mount_flags[] = {MOUNT_FLAG, LAST_FLAG};
static const struct cli_flag test_flags[] = {
    MOUNT_FLAG,
    {"to", CLI_FLAG_TEXT, "ADDRESS", "for a notifier of mail that writes to owners"},
    LAST_FLAG};
static const struct cli_flag replay_flags[] = {
    MOUNT_FLAG,
    {"from", CLI_FLAG_TEXT, "TIME", "what happened at or after it (RFC 3339)"},
    {"to", CLI_FLAG_TEXT, "TIME", "and not after it"},
    {"credential", CLI_FLAG_TEXT, "NAME", "of this credential only"},
    {"state", CLI_FLAG_TEXT, "parked", "only what was set aside"},
    LAST_FLAG};
static const struct cli_flag deliveries_flags[] = {
    MOUNT_FLAG,
    {"state", CLI_FLAG_TEXT, "STATE", "waiting, delivered or parked"},
    {"limit", CLI_FLAG_COUNT, "N", "at most 1000 (default 100)"},
    {"after", CLI_FLAG_COUNT, "SEQ", "those after this one"},
    LAST_FLAG};

#define WRITE_HELP                                                                                 \
    "Has somebody told of what happens to credentials. type=webhook takes url, secret (the\n"      \
    "signing key; without one it is made and shown once), secret_overlap (how long the key\n"      \
    "before it signs too: 24h) and ca_file; type=smtp takes host, port, tls, username, "           \
    "password,\n"                                                                                  \
    "from, to (without it: each owner) and ca_file. Both take events, credentials (names, with\n"  \
    "*), owner and enabled.\n\n"                                                                   \
    "Example: rotunda rotation notifier write ops type=webhook url=https://ops.example.com/hook"
#define READ_HELP                                                                                  \
    "Shows its settings, never what it proves itself with.\n\n"                                    \
    "Example: rotunda rotation notifier read ops"
#define LIST_HELP "Lists the names.\n\nExample: rotunda rotation notifier list"
#define DELETE_HELP                                                                                \
    "Nobody is told any more; what waits is dropped.\n\n"                                          \
    "Example: rotunda rotation notifier delete ops"
#define TEST_HELP                                                                                  \
    "Sends a test now and tells how that went. Exit code 0 when the receiver took it, 2 when\n"    \
    "not.\n\nExample: rotunda rotation notifier test ops"
#define DELIVERIES_HELP                                                                            \
    "Shows what was sent, what waits and what was set aside, oldest first.\n\n"                    \
    "Example: rotunda rotation notifier deliveries -state=parked ops"
#define REPLAY_HELP                                                                                \
    "Sends again, with the same ids, what happened in a time, to a credential, or was set "        \
    "aside.\n"                                                                                     \
    "Notices of rotations are kept for 8 days.\n\n"                                                \
    "Example: rotunda rotation notifier replay -state=parked ops"

static const struct cli_command commands[] = {
    {"rotation notifier write", "have somebody told", "NAME key=value...", WRITE_HELP, mount_flags,
     2, CLI_ANY, run_write, NULL},
    {"rotation notifier read", "a notifier's settings", "NAME", READ_HELP, mount_flags, 1, 1,
     run_read, NULL},
    {"rotation notifier list", "who is told", "", LIST_HELP, mount_flags, 0, 0, run_list, NULL},
    {"rotation notifier delete", "tell somebody no more", "NAME", DELETE_HELP, mount_flags, 1, 1,
     run_delete, NULL},
    {"rotation notifier test", "send a test", "NAME", TEST_HELP, test_flags, 1, 1, run_test, NULL},
    {"rotation notifier deliveries", "what was sent and what waits", "NAME", DELIVERIES_HELP,
     deliveries_flags, 1, 1, run_deliveries, NULL},
    {"rotation notifier replay", "send again", "NAME", REPLAY_HELP, replay_flags, 1, 1, run_replay,
     NULL},
};
const struct cli_command_list cli_notifier_commands = {commands, ARRAY_LEN(commands)};
