// SPDX-License-Identifier: ISC
// Secret engines and auth methods: list, enable, disable, tune. Both kinds of mount work alike.
#include <string.h>

#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/output.h"
#include "api/cli/table.h"

enum { BODY_BYTES = 64 * 1024 };

// "sys/mounts" or "sys/auth", by the command's own name.
static const char *collection(const struct cli *c)
{
    return strncmp(c->command->name, "auth ", strlen("auth ")) == 0 ? "sys/auth" : "sys/mounts";
}

static struct status print_mounts(struct cli *c, struct json_value mounts)
{
    static const char *const headings[] = {"Path",    "Type",        "Accessor",
                                           "Options", "Description", NULL};
    struct cli_table *t = NULL;
    TRY(cli_table_new(c->arena, headings, &t));
    struct json_iter it = json_iterate(mounts);
    while (json_next(&it)) {
        TRY(cli_table_add(t, (struct str[]){
                                 it.key,
                                 cli_value_text(json_get(it.value, "type")),
                                 cli_value_text(json_get(it.value, "accessor")),
                                 cli_value_text(json_get(it.value, "options")),
                                 cli_value_text(json_get(it.value, "description")),
                             }));
    }
    cli_table_print(t, &c->out);
    return OK_STATUS;
}

static struct status run_list(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_connect(c, true));
    TRY(cli_get(c, str_from_c(collection(c)), &answer));
    struct json_value mounts = json_get(answer.json, "data");
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_print_json(c, mounts);
        return OK_STATUS;
    }
    return print_mounts(c, mounts);
}

static void add_times(struct cli *c, struct json_writer *w)
{
    cli_body_add_text(c, w, "default_lease_ttl", "default-lease-ttl");
    cli_body_add_text(c, w, "max_lease_ttl", "max-lease-ttl");
}

static struct status write_enable_body(struct cli *c, struct str type, struct buffer *body)
{
    // kv-v2 is how older habits spell version 2 of kv.
    bool second = str_equal_c(type, "kv-v2");
    struct str version = second ? STR("2") : cli_args_text(&c->args, "version");
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    json_add_string(&w, "type", second ? STR("kv") : type);
    cli_body_add_text(c, &w, "description", "description");
    json_put_key(&w, "config");
    json_begin_object(&w);
    add_times(c, &w);
    json_end_object(&w);
    if (version.len > 0) {
        json_put_key(&w, "options");
        json_begin_object(&w);
        json_add_string(&w, "version", version);
        json_end_object(&w);
    } else {
        TRY(cli_body_add_map(c, &w, "options", "options"));
    }
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status run_enable(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str type;
    struct str path;
    buffer_init(&body, BODY_BYTES);
    TRY(cli_operand_path(c, 0, &type));
    struct str mount = cli_args_has(&c->args, "path") ? cli_args_text(&c->args, "path") : type;
    TRY(cli_path(c, &path, "%s/%.*s", collection(c), STR_ARG(mount)));
    TRY(write_enable_body(c, type, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Enabled %.*s at %.*s/.", STR_ARG(type), STR_ARG(mount));
    return OK_STATUS;
}

static struct status mount_path(struct cli *c, const char *tail, struct str *path)
{
    struct str mount;
    TRY(cli_operand_path(c, 0, &mount));
    return cli_path(c, path, "%s/%.*s%s", collection(c), STR_ARG(mount), tail);
}

static struct status run_disable(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(mount_path(c, "", &path));
    TRY(cli_connect(c, true));
    TRY(cli_delete(c, path, &answer));
    cli_say(c, "Disabled (if it was there), with all it held: %.*s",
            STR_ARG(cli_args_operand(&c->args, 0)));
    return OK_STATUS;
}

// -format and the like only change how it is shown.
static bool changes_something(const struct cli_args *args)
{
    return cli_args_has(args, "description") || cli_args_has(args, "default-lease-ttl") ||
           cli_args_has(args, "max-lease-ttl") || cli_args_has(args, "options");
}

static struct status run_tune(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, BODY_BYTES);
    TRY(mount_path(c, "/tune", &path));
    TRY(cli_connect(c, true));
    if (!changes_something(&c->args)) {
        TRY(cli_get(c, path, &answer));
        return cli_print_answer(c, &answer);
    }
    struct json_writer w = json_writer_on(&body);
    json_begin_object(&w);
    add_times(c, &w);
    cli_body_add_text(c, &w, "description", "description");
    TRY(cli_body_add_map(c, &w, "options", "options"));
    json_end_object(&w);
    TRY(json_writer_status(&w));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Tuned %.*s.", STR_ARG(cli_args_operand(&c->args, 0)));
    return OK_STATUS;
}

#define TUNE_FLAGS                                                                                 \
    {"description", CLI_FLAG_TEXT, "TEXT", "what it is for"},                                      \
        {"default-lease-ttl", CLI_FLAG_DURATION, "TIME", "life of what it issues"},                \
        {"max-lease-ttl", CLI_FLAG_DURATION, "TIME", "the longest life of what it issues"},        \
    {                                                                                              \
        "options", CLI_FLAG_LIST, "key=value", "an option of the engine; may be repeated"          \
    }
static const struct cli_flag enable_flags[] = {
    {"path", CLI_FLAG_TEXT, "PATH", "where to mount it (default: its type)"},
    {"version", CLI_FLAG_TEXT, "1|2", "version of the kv engine"},
    TUNE_FLAGS,
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag tune_flags[] = {
    TUNE_FLAGS,
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define LIST_HELP "Lists what is mounted, and where.\n\nExample: rotunda "
#define ENABLE_HELP "Mounts an engine or method of that type.\n\nExample: rotunda "
#define DISABLE_HELP "Unmounts it and removes all that it holds, for good.\n\nExample: rotunda "
#define TUNE_HELP "Changes settings; without flags shows them.\n\nExample: rotunda "

static const struct cli_command commands[] = {
    {"secrets list", "the secret engines", "", LIST_HELP "secrets list", NULL, 0, 0, run_list,
     NULL},
    {"secrets enable", "mount a secret engine", "TYPE",
     ENABLE_HELP "secrets enable -path=secret -version=2 kv", enable_flags, 1, 1, run_enable, NULL},
    {"secrets disable", "unmount one, with all it holds", "PATH",
     DISABLE_HELP "secrets disable secret/", NULL, 1, 1, run_disable, NULL},
    {"secrets tune", "change a mount's settings", "PATH",
     TUNE_HELP "secrets tune -max-lease-ttl=24h database/", tune_flags, 1, 1, run_tune, NULL},
    {"auth list", "the auth methods", "", LIST_HELP "auth list", NULL, 0, 0, run_list, NULL},
    {"auth enable", "mount an auth method", "TYPE", ENABLE_HELP "auth enable userpass",
     enable_flags, 1, 1, run_enable, NULL},
    {"auth disable", "unmount one, with all it holds", "PATH",
     DISABLE_HELP "auth disable userpass/", NULL, 1, 1, run_disable, NULL},
    {"auth tune", "change a method's settings", "PATH",
     TUNE_HELP "auth tune -default-lease-ttl=1h userpass/", tune_flags, 1, 1, run_tune, NULL},
};
const struct cli_command_list cli_mounts_commands = {commands, ARRAY_LEN(commands)};
