// SPDX-License-Identifier: ISC
// Tokens: create, look up, renew, revoke, what they may do.
#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/output.h"
#include "api/cli/terminal.h"
#include "api/cli/token_file.h"

enum { BODY_BYTES = 64 * 1024 };

static struct status create_path(struct cli *c, struct str *path)
{
    struct str role = cli_args_text(&c->args, "role");
    if (role.len > 0) {
        return cli_path(c, path, "auth/token/create/%.*s", STR_ARG(role));
    }
    bool orphan = cli_args_bool(&c->args, "orphan", false);
    return cli_path(c, path, "auth/token/create%s", orphan ? "-orphan" : "");
}

static struct status write_create_body(struct cli *c, struct buffer *body)
{
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    cli_body_add_list(c, &w, "policies", "policy");
    cli_body_add_text(c, &w, "ttl", "ttl");
    cli_body_add_text(c, &w, "explicit_max_ttl", "explicit-max-ttl");
    cli_body_add_text(c, &w, "period", "period");
    cli_body_add_text(c, &w, "display_name", "display-name");
    cli_body_add_text(c, &w, "type", "type");
    cli_body_add_count(c, &w, "num_uses", "use-limit");
    TRY(cli_body_add_map(c, &w, "meta", "metadata"));
    if (cli_args_has(&c->args, "renewable")) {
        json_add_bool(&w, "renewable", cli_args_bool(&c->args, "renewable", true));
    }
    if (cli_args_bool(&c->args, "no-default-policy", false)) {
        json_add_bool(&w, "no_default_policy", true);
    }
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status run_create(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, BODY_BYTES);
    TRY(create_path(c, &path));
    TRY(write_create_body(c, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    return cli_print_answer(c, &answer);
}

// Which token a command is about: an accessor, one typed or piped in ("-"), or the own one.
static struct status write_subject(struct cli *c, const char *increment, struct buffer *body)
{
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    if (cli_args_has(&c->args, "accessor")) {
        cli_body_add_text(c, &w, "accessor", "accessor");
    } else if (c->args.operand_count > 0) {
        CLEANUP(secret_cleanup) struct secret *token = NULL;
        struct cli_prompt prompt = {c->io.in_fd, c->io.err_fd, "Token"};
        if (!str_equal_c(c->args.operands[0], "-")) {
            return cli_problem_local(&c->problem, "a token is never given as an argument: write - "
                                                  "and type or pipe it in, or use -accessor");
        }
        TRY(cli_prompt_secret(&prompt, &c->problem, &token));
        json_add_string(&w, "token", str_from_bytes(secret_view(token)));
    }
    if (increment != NULL) {
        cli_body_add_text(c, &w, increment, increment);
    }
    json_end_object(&w);
    return json_writer_status(&w);
}

// auth/token/<verb>, -self or -accessor, with the subject as the body.
static struct status ask_about(struct cli *c, const char *verb, const char *increment,
                               struct cli_answer *out)
{
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    const char *whose = c->args.operand_count > 0 ? "" : "-self";
    if (cli_args_has(&c->args, "accessor")) {
        whose = "-accessor";
    }
    buffer_init(&body, BODY_BYTES);
    TRY(write_subject(c, increment, &body));
    TRY(cli_path(c, &path, "auth/token/%s%s", verb, whose));
    TRY(cli_connect(c, true));
    return cli_post(c, path, buffer_str(&body), out);
}

static struct status run_lookup(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    if (c->args.operand_count == 0 && !cli_args_has(&c->args, "accessor")) {
        TRY(cli_connect(c, true));
        TRY(cli_get(c, STR("auth/token/lookup-self"), &answer));
    } else {
        TRY(ask_about(c, "lookup", NULL, &answer));
    }
    return cli_print_answer(c, &answer);
}

static struct status run_renew(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(ask_about(c, "renew", "increment", &answer));
    return cli_print_answer(c, &answer);
}

static struct status run_revoke(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    bool self = cli_args_bool(&c->args, "self", false);
    bool named = c->args.operand_count > 0 || cli_args_has(&c->args, "accessor");
    if (self == named) {
        return cli_problem_local(&c->problem,
                                 "say which token: -self, -accessor=..., or - to type it");
    }
    TRY(ask_about(c, "revoke", NULL, &answer));
    cli_say(c, "Revoked, with everything that was issued by it.");
    return OK_STATUS;
}

static struct status write_capabilities_body(struct cli *c, struct str path, struct buffer *body)
{
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    cli_body_add_text(c, &w, "accessor", "accessor");
    json_put_key(&w, "paths");
    json_begin_array(&w);
    json_put_string(&w, path);
    json_end_array(&w);
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status run_capabilities(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path = cli_args_operand(&c->args, 0);
    bool other = cli_args_has(&c->args, "accessor");
    buffer_init(&body, BODY_BYTES);
    TRY(write_capabilities_body(c, path, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, other ? STR("sys/capabilities-accessor") : STR("sys/capabilities-self"),
                 buffer_str(&body), &answer));
    struct json_value found = json_get_str(json_get(answer.json, "data"), path);
    if (!json_present(found)) {
        found = json_get(answer.json, "capabilities");
    }
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_print_json(c, found);
        return OK_STATUS;
    }
    struct json_iter it = json_iterate(found);
    while (json_next(&it)) {
        buffer_append_c(&c->out, c->out.len > 0 ? ", " : "");
        cli_append_visible(&c->out, cli_value_text(it.value));
    }
    buffer_append_byte(&c->out, '\n');
    return OK_STATUS;
}

static const struct cli_flag create_flags[] = {
    {"policy", CLI_FLAG_LIST, "NAME", "a policy of the new token; may be repeated"},
    {"ttl", CLI_FLAG_DURATION, "TIME", "how long it lives unless renewed"},
    {"explicit-max-ttl", CLI_FLAG_DURATION, "TIME", "how long it lives at most"},
    {"period", CLI_FLAG_DURATION, "TIME", "renewable for ever, this long each time"},
    {"use-limit", CLI_FLAG_COUNT, "N", "how often it can be used (0: no limit)"},
    {"renewable", CLI_FLAG_BOOL, NULL, "whether it can be renewed (default true)"},
    {"orphan", CLI_FLAG_BOOL, NULL, "outlives the token that creates it"},
    {"no-default-policy", CLI_FLAG_BOOL, NULL, "without the policy \"default\""},
    {"role", CLI_FLAG_TEXT, "NAME", "as this token role says"},
    {"display-name", CLI_FLAG_TEXT, "NAME", "its name in the audit log"},
    {"type", CLI_FLAG_TEXT, "service|batch", "its type (batch: for other servers)"},
    {"metadata", CLI_FLAG_LIST, "key=value", "a note in the audit log; may be repeated"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
#define ACCESSOR_FLAG                                                                              \
    {                                                                                              \
        "accessor", CLI_FLAG_TEXT, "ACCESSOR", "the token that has this accessor"                  \
    }
static const struct cli_flag lookup_flags[] = {
    ACCESSOR_FLAG,
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag renew_flags[] = {
    ACCESSOR_FLAG,
    {"increment", CLI_FLAG_DURATION, "TIME", "how much longer to ask for"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag revoke_flags[] = {
    ACCESSOR_FLAG,
    {"self", CLI_FLAG_BOOL, NULL, "the token that is used for this command"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define CREATE_HELP                                                                                \
    "Creates a child of the current token and prints it. It is revoked together with that\n"       \
    "one, unless it is made with -orphan.\n\n"                                                     \
    "Example: rotunda token create -policy=deploy -ttl=1h -field=token"
#define LOOKUP_HELP                                                                                \
    "Shows what is known about the current token, one with an accessor, or one typed or piped\n"   \
    "in (-).\n\nExample: rotunda token lookup -accessor=..."
#define RENEW_HELP                                                                                 \
    "Makes the current or another token live longer.\n\nExample: rotunda token renew "             \
    "-increment=1h"
#define REVOKE_HELP                                                                                \
    "Ends a token and everything issued by it, at once.\n\nExample: rotunda token revoke -self"
#define CAPABILITIES_HELP                                                                          \
    "Shows what the token may do at a path.\n\n"                                                   \
    "Example: rotunda token capabilities secret/data/app/db"

static const struct cli_command commands[] = {
    {"token create", "create a token", "", CREATE_HELP, create_flags, 0, 0, run_create, NULL},
    {"token lookup", "what a token is", "[-]", LOOKUP_HELP, lookup_flags, 0, 1, run_lookup, NULL},
    {"token renew", "make a token live longer", "[-]", RENEW_HELP, renew_flags, 0, 1, run_renew,
     NULL},
    {"token revoke", "end a token", "[-]", REVOKE_HELP, revoke_flags, 0, 1, run_revoke, NULL},
    {"token capabilities", "what a token may do at a path", "PATH", CAPABILITIES_HELP, lookup_flags,
     1, 1, run_capabilities, NULL},
};
const struct cli_command_list cli_token_commands = {commands, ARRAY_LEN(commands)};
