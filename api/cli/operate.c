// SPDX-License-Identifier: ISC
// Life of a vault: initialise, unseal, seal, look at it, rotate its encryption key.
#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/output.h"
#include "api/cli/table.h"
#include "api/cli/terminal.h"

enum { DEFAULT_SHARES = 5, DEFAULT_THRESHOLD = 3, BODY_BYTES = 64 * 1024 };

static struct status print_status(struct cli *c, const struct cli_answer *answer)
{
    TRY(cli_print_answer(c, answer));
    bool sealed = true;
    if (!status_ok(json_as_bool(json_get(answer->json, "sealed"), &sealed))) {
        return cli_problem_local(&c->problem, "the answer doesn't say whether it is sealed");
    }
    if (sealed) {
        FAIL(SEALED, "the vault is sealed");
    }
    return OK_STATUS;
}

// Exit codes as scripts expect them: 0 unsealed, 2 sealed, 1 for any error, a dead server included.
static struct status run_status(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_connect(c, false));
    struct status got = cli_get(c, STR("sys/seal-status"), &answer);
    if (!status_ok(got)) {
        FAIL(UNAVAILABLE, "the server could not be asked");
    }
    return print_status(c, &answer);
}

// Vaults that unseal themselves hand out recovery keys instead of unseal keys.
static struct status write_init_body(struct cli *c, struct buffer *body)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_get(c, STR("sys/seal-status"), &answer));
    bool recovery = false;
    status_ignore(json_as_bool(json_get(answer.json, "recovery_seal"), &recovery)); // absent: no
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    json_add_int(&w, recovery ? "recovery_shares" : "secret_shares",
                 cli_args_count(&c->args, "key-shares", DEFAULT_SHARES));
    json_add_int(&w, recovery ? "recovery_threshold" : "secret_threshold",
                 cli_args_count(&c->args, "key-threshold", DEFAULT_THRESHOLD));
    json_end_object(&w);
    return json_writer_status(&w);
}

static void print_keys(struct cli *c, const char *label, struct json_value keys)
{
    int64_t number = 1;
    struct json_iter it = json_iterate(keys);
    while (json_next(&it)) {
        buffer_append_c(&c->out, label);
        buffer_append_int(&c->out, number++);
        buffer_append_c(&c->out, ": ");
        cli_append_visible(&c->out, cli_value_text(it.value));
        buffer_append_byte(&c->out, '\n');
    }
}

static struct status print_init(struct cli *c, const struct cli_answer *answer)
{
    if (c->settings.format == CLI_FORMAT_JSON || c->settings.field.len > 0) {
        return cli_print_answer(c, answer);
    }
    struct json_value recovery = json_get(answer->json, "recovery_keys_base64");
    print_keys(c, "Unseal Key ", json_get(answer->json, "keys_base64"));
    print_keys(c, "Recovery Key ", recovery);
    buffer_append_c(&c->out, "\nInitial Root Token: ");
    cli_append_visible(&c->out, cli_value_text(json_get(answer->json, "root_token")));
    buffer_append_c(&c->out, "\n");
    cli_say(c, "\nNothing of this is stored anywhere and none of it can be shown again. Give each "
               "key to\na different person, and revoke the root token when the first "
               "administrators can log in.");
    if (json_count(recovery) == 0) {
        cli_say(c, "The vault is sealed now: `rotunda unseal`, once for each key that is needed.");
    }
    return OK_STATUS;
}

static struct status tell_initialized(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_get(c, STR("sys/init"), &answer));
    TRY(cli_print_answer(c, &answer));
    bool initialized = false;
    status_ignore(json_as_bool(json_get(answer.json, "initialized"), &initialized));
    if (!initialized) {
        return cli_problem_remote(&c->problem, "not initialised");
    }
    return OK_STATUS;
}

static struct status run_init(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES);
    TRY(cli_connect(c, false));
    if (cli_args_bool(&c->args, "status", false)) {
        return tell_initialized(c);
    }
    TRY(write_init_body(c, &body));
    TRY(cli_put(c, STR("sys/init"), buffer_str(&body), &answer));
    return print_init(c, &answer);
}

static struct status read_key(struct cli *c, struct buffer *body)
{
    CLEANUP(secret_cleanup) struct secret *key = NULL;
    struct cli_prompt prompt = {c->io.in_fd, c->io.err_fd, "Unseal Key"};
    TRY(cli_prompt_secret(&prompt, &c->problem, &key));
    if (secret_len(key) == 0) {
        return cli_problem_local(&c->problem, "no key was given");
    }
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    json_add_string(&w, "key", str_from_bytes(secret_view(key)));
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status run_unseal(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES);
    if (c->args.operand_count > 0 && !str_equal_c(c->args.operands[0], "-")) {
        return cli_problem_local(&c->problem,
                                 "a key is never given as an argument, where other users and the "
                                 "shell's history see it: type it when asked, or pipe it in");
    }
    TRY(cli_connect(c, false));
    if (cli_args_bool(&c->args, "reset", false)) {
        buffer_append_c(&body, "{\"reset\":true}");
    } else {
        TRY(read_key(c, &body));
    }
    TRY(cli_put(c, STR("sys/unseal"), buffer_str(&body), &answer));
    return cli_print_answer(c, &answer);
}

static struct status run_seal(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_connect(c, true));
    TRY(cli_put(c, STR("sys/seal"), STR("{}"), &answer));
    cli_say(c, "The vault is sealed.");
    return OK_STATUS;
}

static struct status run_key_status(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_connect(c, true));
    TRY(cli_get(c, STR("sys/key-status"), &answer));
    return cli_print_answer(c, &answer);
}

static struct status run_rotate(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_connect(c, true));
    TRY(cli_put(c, STR("sys/rotate"), STR("{}"), &answer));
    cli_say(c, "New values are encrypted with a new key from now on.");
    return OK_STATUS;
}

static const struct cli_flag init_flags[] = {
    {"key-shares", CLI_FLAG_COUNT, "N", "number of keys to split into (default 5)"},
    {"key-threshold", CLI_FLAG_COUNT, "N", "number of keys that are needed (default 3)"},
    {"status", CLI_FLAG_BOOL, NULL, "only tell whether it is initialised: exit code 0 or 2"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

static const struct cli_flag unseal_flags[] = {
    {"reset", CLI_FLAG_BOOL, NULL, "forget the keys that were given so far"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define STATUS_HELP                                                                                \
    "Says whether the server is initialised and sealed. Exit code: 0 unsealed, 2 sealed, 1 for\n"  \
    "any error. Needs no token.\n\nExample: rotunda status -format json"
#define INIT_HELP                                                                                  \
    "Prepares an empty vault and prints its keys and its first token, once. Vaults that unseal\n"  \
    "themselves give recovery keys.\n\nExample: rotunda init -key-shares=3 -key-threshold=2"
#define UNSEAL_HELP                                                                                \
    "Hands over one unseal key, typed without echo or read from a pipe (one line).\n\n"            \
    "Example: rotunda unseal < key1.txt"
#define SEAL_HELP "Makes the server forget its keys at once.\n\nExample: rotunda seal"
#define KEY_STATUS_HELP                                                                            \
    "Shows which data key new values are encrypted with, and since when.\n\n"                      \
    "Example: rotunda key-status"
#define ROTATE_HELP                                                                                \
    "Starts a new data key for what is written from now on. Stored values move to it in the "      \
    "background\n"                                                                                 \
    "(see key-status). To rotate a credential at a target see `rotunda rotation rotate`.\n\n"      \
    "Example: rotunda rotate"

static const struct cli_command commands[] = {
    {"status", "whether it is sealed", "", STATUS_HELP, NULL, 0, 0, run_status, NULL},
    {"init", "initialise an empty vault", "", INIT_HELP, init_flags, 0, 0, run_init, NULL},
    {"unseal", "hand over an unseal key", "[-]", UNSEAL_HELP, unseal_flags, 0, 1, run_unseal, NULL},
    {"seal", "forget the keys", "", SEAL_HELP, NULL, 0, 0, run_seal, NULL},
    {"key-status", "the current data key", "", KEY_STATUS_HELP, NULL, 0, 0, run_key_status, NULL},
    {"rotate", "start a new data key", "", ROTATE_HELP, NULL, 0, 0, run_rotate, NULL},
    // As the API's other clients call them.
    {"operator init", NULL, "", INIT_HELP, init_flags, 0, 0, run_init, NULL},
    {"operator unseal", NULL, "[-]", UNSEAL_HELP, unseal_flags, 0, 1, run_unseal, NULL},
    {"operator seal", NULL, "", SEAL_HELP, NULL, 0, 0, run_seal, NULL},
    {"operator key-status", NULL, "", KEY_STATUS_HELP, NULL, 0, 0, run_key_status, NULL},
    {"operator rotate", NULL, "", ROTATE_HELP, NULL, 0, 0, run_rotate, NULL},
};
const struct cli_command_list cli_operate_commands = {commands, ARRAY_LEN(commands)};
