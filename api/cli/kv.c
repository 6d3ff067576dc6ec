// SPDX-License-Identifier: ISC
// Key-value secrets: read, write, list, find.
#include <string.h>

#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/encode.h"
#include "api/cli/kv_place.h"
#include "api/cli/output.h"
#include "vault/base/limits.h"

static void print_heading(struct cli *c, const char *text)
{
    buffer_append_c(&c->out, c->out.len > 0 ? "\n== " : "== ");
    buffer_append_c(&c->out, text);
    buffer_append_c(&c->out, " ==\n");
}

static struct status print_secret(struct cli *c, const struct cli_answer *answer)
{
    struct json_value outer = json_get(answer->json, "data");
    struct json_value data = json_get(outer, "data");
    if (c->settings.field.len > 0) {
        struct json_value found = json_get_str(data, c->settings.field);
        if (!json_present(found)) {
            return cli_problem_local(&c->problem, "the secret has no field \"%.*s\"",
                                     STR_ARG(c->settings.field));
        }
        cli_print_field(c, found);
        return OK_STATUS;
    }
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_print_json(c, answer->json);
        return OK_STATUS;
    }
    print_heading(c, "Secret Path");
    cli_append_visible(&c->out, answer->path);
    buffer_append_byte(&c->out, '\n');
    print_heading(c, "Metadata");
    TRY(cli_print_object(c, json_get(outer, "metadata")));
    if (!json_is_null(data)) {
        print_heading(c, "Data");
        TRY(cli_print_object(c, data));
    }
    return OK_STATUS;
}

// A deleted version answers 404 with its metadata, which says when it went.
static struct status print_deleted(struct cli *c, const struct cli_answer *answer)
{
    struct json_value metadata = json_get(json_get(answer->json, "data"), "metadata");
    if (c->settings.field.len == 0) {
        TRY(print_secret(c, answer));
    }
    bool destroyed = false;
    status_ignore(json_as_bool(json_get(metadata, "destroyed"), &destroyed)); // absent: no
    return cli_problem_remote(
        &c->problem, "version %.*s of %.*s %s",
        STR_ARG(cli_value_text(json_get(metadata, "version"))), STR_ARG(answer->path),
        destroyed ? "was destroyed" : "is deleted; `rotunda kv undelete` brings it back");
}

static struct status run_get(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer query;
    struct cli_request request = {.method = "GET"};
    struct cli_kv_place place;
    buffer_init(&query, 256);
    TRY(cli_kv_locate(c, 0, &place));
    TRY(cli_kv_api_path(c, &place, "data", &request.path));
    if (cli_args_has(&c->args, "version")) {
        cli_query_add(&query, STR("version"), cli_args_text(&c->args, "version"));
    }
    request.query = buffer_str(&query);
    TRY(cli_ask(c, &request, &answer));
    bool deleted = answer.response.code == 404 &&
                   !json_is_null(json_get(json_get(answer.json, "data"), "metadata"));
    if (place.versioned && deleted) {
        return print_deleted(c, &answer);
    }
    TRY(cli_check(c, &answer));
    return place.versioned ? print_secret(c, &answer) : cli_print_answer(c, &answer);
}

// {"options":{"cas":N},"data":{...}} for version 2, the values alone for version 1.
static struct status write_body(struct cli *c, bool versioned, struct buffer *body)
{
    if (!versioned) {
        return cli_body_read(c, 1, body);
    }
    CLEANUP(cli_buffer_done) struct buffer values;
    buffer_init(&values, LIMIT_RESPONSE_BYTES);
    TRY(cli_body_read(c, 1, &values));
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    json_put_key(&w, "options");
    json_begin_object(&w);
    cli_body_add_count(c, &w, "cas", "cas");
    json_end_object(&w);
    json_add_raw(&w, "data", buffer_str(&values));
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status run_put(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct cli_kv_place place;
    struct str path;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    TRY(cli_kv_locate(c, 0, &place));
    TRY(cli_kv_api_path(c, &place, "data", &path));
    TRY(write_body(c, place.versioned, &body));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Written: %.*s", STR_ARG(path));
    return cli_print_answer(c, &answer);
}

static struct status run_patch(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct cli_request request = {.method = "PATCH",
                                  .content_type = "application/merge-patch+json"};
    struct cli_kv_place place;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    TRY(cli_kv_locate_versioned(c, 0, &place));
    TRY(cli_kv_api_path(c, &place, "data", &request.path));
    TRY(write_body(c, true, &body));
    request.body = buffer_str(&body);
    TRY(cli_call(c, &request, &answer));
    cli_say(c, "Changed: %.*s", STR_ARG(request.path));
    return cli_print_answer(c, &answer);
}

static struct status run_list(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_kv_place place;
    struct str path;
    TRY(cli_kv_locate(c, 0, &place));
    TRY(cli_kv_api_path(c, &place, "metadata", &path));
    TRY(cli_list(c, path, &answer));
    return cli_print_keys(c, &answer);
}

// An array of the full paths that have the text in them.
static struct status write_matches(struct cli *c, const struct cli_kv_place *place,
                                   struct json_value keys, struct buffer *into)
{
    struct str wanted = cli_args_operand(&c->args, 1);
    struct json_writer w = json_writer_on(into);
    struct json_iter it = json_iterate(keys);
    json_begin_array(&w);
    while (json_next(&it)) {
        struct str path;
        struct str key = cli_value_text(it.value);
        if (key.len > 0 && memmem(key.ptr, key.len, wanted.ptr, wanted.len) != NULL) {
            TRY(cli_path(c, &path, "%.*s/%.*s%s%.*s", STR_ARG(place->mount), STR_ARG(place->path),
                         place->path.len > 0 ? "/" : "", STR_ARG(key)));
            json_put_string(&w, path);
        }
    }
    json_end_array(&w);
    return json_writer_status(&w);
}

static void print_matches(struct cli *c, struct json_value matches)
{
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_print_json(c, matches);
        return;
    }
    struct json_iter it = json_iterate(matches);
    while (json_next(&it)) {
        cli_append_visible(&c->out, cli_value_text(it.value));
        buffer_append_byte(&c->out, '\n');
    }
}

// The server lists everything below the path that the token may see; the text is looked for here.
static struct status run_search(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer text;
    struct cli_request request = {.method = "GET", .query = STR("scan=true")};
    struct cli_kv_place place;
    struct json_value matches;
    buffer_init(&text, LIMIT_RESPONSE_BYTES);
    TRY(cli_kv_locate(c, 0, &place));
    TRY(cli_kv_api_path(c, &place, "metadata", &request.path));
    TRY(cli_call(c, &request, &answer));
    TRY(write_matches(c, &place, json_get(json_get(answer.json, "data"), "keys"), &text));
    TRY(json_parse(buffer_str(&text), NULL, c->arena, &matches, NULL));
    if (json_count(matches) == 0) {
        return cli_problem_remote(&c->problem, "no secret below %.*s has that in its path",
                                  STR_ARG(cli_args_operand(&c->args, 0)));
    }
    print_matches(c, matches);
    return OK_STATUS;
}

static const struct cli_flag get_flags[] = {
    CLI_KV_MOUNT_FLAG,
    {"version", CLI_FLAG_COUNT, "N", "an older version (0: the newest)"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag put_flags[] = {
    CLI_KV_MOUNT_FLAG,
    {"cas", CLI_FLAG_COUNT, "N", "only if this is the current version (0: only if it is new)"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag mount_flags[] = {
    CLI_KV_MOUNT_FLAG,
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define GET_HELP                                                                                   \
    "Reads a secret. Exit code 2 when it isn't there or its version is deleted.\n\n"               \
    "Example: rotunda kv get -field=password secret/app/db"
#define PUT_HELP                                                                                   \
    "Writes a secret as a new version. Arguments can be seen by other users of the machine and\n"  \
    "stay in the shell's history: give the values from a file or a pipe.\n\n"                      \
    "Examples: rotunda kv put secret/app/db user=app password=@/run/app/password\n"                \
    "          printf %s \"$PASSWORD\" | rotunda kv put secret/app/db password=-"
#define PATCH_HELP                                                                                 \
    "Changes some fields and keeps the others, as a new version. With a JSON document, null\n"     \
    "removes a field.\n\nExample: echo '{\"old\":null}' | rotunda kv patch secret/app/db -"
#define LIST_HELP "Lists the secrets and folders below a path.\n\nExample: rotunda kv list secret/"
#define SEARCH_HELP                                                                                \
    "Prints every path below PATH that contains TEXT, at any depth.\n\n"                           \
    "Example: rotunda kv search secret/ billing"

static const struct cli_command commands[] = {
    {"kv get", "read a secret", "PATH", GET_HELP, get_flags, 1, 1, run_get, NULL},
    {"kv put", "write a secret", "PATH key=value...", PUT_HELP, put_flags, 2, CLI_ANY, run_put,
     NULL},
    {"kv patch", "change some fields of a secret", "PATH key=value...", PATCH_HELP, put_flags, 2,
     CLI_ANY, run_patch, NULL},
    {"kv list", "list secrets and folders", "PATH", LIST_HELP, mount_flags, 1, 1, run_list, NULL},
    {"kv search", "find secrets by their path", "PATH TEXT", SEARCH_HELP, mount_flags, 2, 2,
     run_search, NULL},
};
const struct cli_command_list cli_kv_commands = {commands, ARRAY_LEN(commands)};
