// SPDX-License-Identifier: ISC
// Versions and metadata of key-value secrets.
#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/encode.h"
#include "api/cli/kv_place.h"
#include "api/cli/output.h"
#include "api/cli/table.h"
#include "vault/base/limits.h"

enum { BODY_BYTES = 64 * 1024 };

// {"versions":[1,2]} from -versions=1,2.
static struct status write_versions(struct cli *c, struct buffer *body)
{
    struct json_writer w = json_writer_on(body);
    struct str rest = cli_args_text(&c->args, "versions");
    json_begin_object(&w);
    json_put_key(&w, "versions");
    json_begin_array(&w);
    bool more = true;
    while (more) {
        struct str item;
        int64_t version = 0;
        more = str_split(rest, ',', &item, &rest);
        if (!status_ok(str_parse_int(str_trim(item), &version)) || version < 1) {
            return cli_problem_local(&c->problem, "give the versions as -versions=1,2,3");
        }
        json_put_int(&w, version);
    }
    json_end_array(&w);
    json_end_object(&w);
    return json_writer_status(&w);
}

// POST <mount>/<kind>/<path> with the versions.
static struct status change_versions(struct cli *c, const struct cli_kv_place *place,
                                     const char *kind)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, BODY_BYTES);
    TRY(write_versions(c, &body));
    TRY(cli_kv_api_path(c, place, kind, &path));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Done: %.*s", STR_ARG(path));
    return OK_STATUS;
}

static struct status run_delete(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_kv_place place;
    struct str path;
    if (cli_args_has(&c->args, "versions")) {
        TRY(cli_kv_locate_versioned(c, 0, &place));
        return change_versions(c, &place, "delete");
    }
    TRY(cli_kv_locate(c, 0, &place));
    TRY(cli_kv_api_path(c, &place, "data", &path));
    TRY(cli_delete(c, path, &answer));
    cli_say(c, "Deleted (if it was there): %.*s", STR_ARG(path));
    return OK_STATUS;
}

static struct status run_undelete(struct cli *c)
{
    struct cli_kv_place place;
    TRY(cli_kv_locate_versioned(c, 0, &place));
    return change_versions(c, &place, "undelete");
}

static struct status run_destroy(struct cli *c)
{
    struct cli_kv_place place;
    TRY(cli_kv_locate_versioned(c, 0, &place));
    return change_versions(c, &place, "destroy");
}

static struct status metadata_path(struct cli *c, struct str *path)
{
    struct cli_kv_place place;
    TRY(cli_kv_locate_versioned(c, 0, &place));
    return cli_kv_api_path(c, &place, "metadata", path);
}

static struct status print_versions(struct cli *c, struct json_value versions)
{
    static const char *const headings[] = {"Version", "Created", "Deleted", "Destroyed", NULL};
    struct cli_table *t = NULL;
    TRY(cli_table_new(c->arena, headings, &t));
    struct json_iter it = json_iterate(versions);
    while (json_next(&it)) {
        TRY(cli_table_add(t, (struct str[]){
                                 it.key,
                                 cli_value_text(json_get(it.value, "created_time")),
                                 cli_value_text(json_get(it.value, "deletion_time")),
                                 cli_value_text(json_get(it.value, "destroyed")),
                             }));
    }
    buffer_append_byte(&c->out, '\n');
    cli_table_print(t, &c->out);
    return OK_STATUS;
}

static struct status print_metadata(struct cli *c, struct json_value data)
{
    static const char *const headings[] = {"Key", "Value", NULL};
    struct cli_table *t = NULL;
    TRY(cli_table_new(c->arena, headings, &t));
    struct json_iter it = json_iterate(data);
    while (json_next(&it)) {
        if (!str_equal_c(it.key, "versions")) {
            TRY(cli_table_add(t, (struct str[]){it.key, cli_value_text(it.value)}));
        }
    }
    cli_table_print(t, &c->out);
    return print_versions(c, json_get(data, "versions"));
}

static struct status run_metadata_get(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(metadata_path(c, &path));
    TRY(cli_get(c, path, &answer));
    if (c->settings.format == CLI_FORMAT_JSON || c->settings.field.len > 0) {
        return cli_print_answer(c, &answer);
    }
    return print_metadata(c, json_get(answer.json, "data"));
}

static struct status run_metadata_put(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, BODY_BYTES);
    TRY(metadata_path(c, &path));
    struct json_writer w = json_writer_on(&body);
    json_begin_object(&w);
    cli_body_add_count(c, &w, "max_versions", "max-versions");
    cli_body_add_text(c, &w, "delete_version_after", "delete-version-after");
    if (cli_args_has(&c->args, "cas-required")) {
        json_add_bool(&w, "cas_required", cli_args_bool(&c->args, "cas-required", false));
    }
    TRY(cli_body_add_map(c, &w, "custom_metadata", "custom-metadata"));
    json_end_object(&w);
    TRY(json_writer_status(&w));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Written: %.*s", STR_ARG(path));
    return OK_STATUS;
}

static struct status run_metadata_delete(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str path;
    TRY(metadata_path(c, &path));
    TRY(cli_delete(c, path, &answer));
    cli_say(c, "All versions and the metadata are gone: %.*s", STR_ARG(path));
    return OK_STATUS;
}

struct rollback {
    struct str data_path;
    struct str metadata_path;
    int64_t current; // the version that must still be the newest when we write
};

static struct status read_current(struct cli *c, struct rollback *r)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_get(c, r->metadata_path, &answer));
    struct json_value data = json_get(answer.json, "data");
    if (!status_ok(json_as_int(json_get(data, "current_version"), &r->current))) {
        return cli_problem_remote(&c->problem, "the server doesn't say which version is current");
    }
    return OK_STATUS;
}

static struct status copy_version(struct cli *c, const struct rollback *r, struct buffer *body)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer query;
    buffer_init(&query, 256);
    cli_query_add(&query, STR("version"), cli_args_text(&c->args, "version"));
    struct cli_request request = {
        .method = "GET", .path = r->data_path, .query = buffer_str(&query)};
    TRY(cli_call(c, &request, &answer));
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    json_put_key(&w, "options");
    json_begin_object(&w);
    json_add_int(&w, "cas", r->current);
    json_end_object(&w);
    json_add_raw(&w, "data", json_raw(json_get(json_get(answer.json, "data"), "data")));
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status run_rollback(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct cli_kv_place place;
    struct rollback r = {.current = 0};
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    if (cli_args_count(&c->args, "version", 0) < 1) {
        return cli_problem_local(&c->problem, "name the version to go back to: -version=N");
    }
    TRY(cli_kv_locate_versioned(c, 0, &place));
    TRY(cli_kv_api_path(c, &place, "data", &r.data_path));
    TRY(cli_kv_api_path(c, &place, "metadata", &r.metadata_path));
    TRY(read_current(c, &r));
    TRY(copy_version(c, &r, &body));
    TRY(cli_post(c, r.data_path, buffer_str(&body), &answer));
    return cli_print_answer(c, &answer);
}

static const struct cli_flag version_flags[] = {
    CLI_KV_MOUNT_FLAG,
    {"versions", CLI_FLAG_TEXT, "1,2,3", "which versions"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag rollback_flags[] = {
    CLI_KV_MOUNT_FLAG,
    {"version", CLI_FLAG_COUNT, "N", "the version to go back to"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag metadata_flags[] = {
    CLI_KV_MOUNT_FLAG,
    {"max-versions", CLI_FLAG_COUNT, "N", "how many versions to keep (0: the mount's setting)"},
    {"cas-required", CLI_FLAG_BOOL, NULL, "refuse writes that don't name the current version"},
    {"delete-version-after", CLI_FLAG_DURATION, "TIME", "versions are deleted when this old"},
    {"custom-metadata", CLI_FLAG_LIST, "key=value", "a note of your own; may be repeated"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag mount_flags[] = {
    CLI_KV_MOUNT_FLAG,
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define DELETE_HELP                                                                                \
    "Deletes the newest version, or those named; `kv undelete` brings them back.\n\n"              \
    "Example: rotunda kv delete -versions=1,2 secret/app/db"
#define UNDELETE_HELP                                                                              \
    "Brings deleted versions back.\n\nExample: rotunda kv undelete -versions=2 secret/app/db"
#define DESTROY_HELP                                                                               \
    "Removes versions for good.\n\nExample: rotunda kv destroy -versions=1 secret/app/db"
#define ROLLBACK_HELP                                                                              \
    "Writes an older version again as the newest one, unless somebody wrote meanwhile.\n\n"        \
    "Example: rotunda kv rollback -version=3 secret/app/db"
#define METADATA_GET_HELP                                                                          \
    "Shows a secret's settings and versions, not its values.\n\n"                                  \
    "Example: rotunda kv metadata get secret/app/db"
#define METADATA_PUT_HELP                                                                          \
    "Changes a secret's settings.\n\n"                                                             \
    "Example: rotunda kv metadata put -max-versions=5 -custom-metadata=owner=ada secret/app/db"
#define METADATA_DELETE_HELP                                                                       \
    "Removes a secret with all versions and its metadata, for good.\n\n"                           \
    "Example: rotunda kv metadata delete secret/app/db"

static const struct cli_command commands[] = {
    {"kv delete", "delete versions", "PATH", DELETE_HELP, version_flags, 1, 1, run_delete, NULL},
    {"kv undelete", "bring versions back", "PATH", UNDELETE_HELP, version_flags, 1, 1, run_undelete,
     NULL},
    {"kv destroy", "remove versions for good", "PATH", DESTROY_HELP, version_flags, 1, 1,
     run_destroy, NULL},
    {"kv rollback", "go back to a version", "PATH", ROLLBACK_HELP, rollback_flags, 1, 1,
     run_rollback, NULL},
    {"kv metadata get", "a secret's settings and versions", "PATH", METADATA_GET_HELP, mount_flags,
     1, 1, run_metadata_get, NULL},
    {"kv metadata put", "change a secret's settings", "PATH", METADATA_PUT_HELP, metadata_flags, 1,
     1, run_metadata_put, NULL},
    {"kv metadata delete", "remove a secret entirely", "PATH", METADATA_DELETE_HELP, mount_flags, 1,
     1, run_metadata_delete, NULL},
};
const struct cli_command_list cli_kv_more_commands = {commands, ARRAY_LEN(commands)};
