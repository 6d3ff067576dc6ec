// SPDX-License-Identifier: ISC
#include "api/cli/kv_place.h"

static struct status ask_mount(struct cli *c, struct str operand, struct cli_answer *out)
{
    struct str path;
    TRY(cli_path(c, &path, "sys/internal/ui/mounts/%.*s", STR_ARG(operand)));
    return cli_get(c, path, out);
}

// Takes the mount ("secret/") off the front of the operand ("secret/app/db").
static struct status split_operand(struct cli *c, struct str operand, struct str mount,
                                   struct cli_kv_place *place)
{
    if (str_ends_with(mount, STR("/"))) {
        mount = str_first(mount, mount.len - 1);
    }
    bool whole = str_equal(operand, mount);
    bool below =
        str_starts_with(operand, mount) && operand.len > mount.len && operand.ptr[mount.len] == '/';
    if (!whole && !below) {
        return cli_problem_remote(&c->problem, "the server names another mount for %.*s",
                                  STR_ARG(operand));
    }
    place->path = str_skip(operand, whole ? mount.len : mount.len + 1);
    return arena_copy_str(c->arena, mount, &place->mount);
}

struct status cli_kv_locate(struct cli *c, size_t index, struct cli_kv_place *out)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_kv_place place = {.versioned = false};
    struct str operand = {NULL, 0};
    struct str mount = {NULL, 0};
    struct str version = {NULL, 0};
    TRY(cli_operand_path(c, index, &operand));
    if (cli_args_has(&c->args, "mount")) {
        struct str under = str_trim(cli_args_text(&c->args, "mount"));
        TRY(cli_path(c, &operand, "%.*s%s%.*s", STR_ARG(under),
                     str_ends_with(under, STR("/")) ? "" : "/", STR_ARG(operand)));
    }
    TRY(cli_connect(c, true));
    TRY(ask_mount(c, operand, &answer));
    struct json_value data = json_get(answer.json, "data");
    if (!status_ok(json_as_str(json_get(data, "path"), &mount))) {
        return cli_problem_remote(&c->problem, "there is no mount at %.*s", STR_ARG(operand));
    }
    // An engine without a version says nothing, or "1".
    status_ignore(json_as_str(json_get(json_get(data, "options"), "version"), &version));
    place.versioned = str_equal_c(version, "2");
    TRY(split_operand(c, operand, mount, &place));
    *out = place;
    return OK_STATUS;
}

struct status cli_kv_locate_versioned(struct cli *c, size_t index, struct cli_kv_place *out)
{
    struct cli_kv_place place = {.versioned = false};
    TRY(cli_kv_locate(c, index, &place));
    if (!place.versioned) {
        return cli_problem_local(&c->problem, "the mount %.*s/ keeps no versions (kv version 1)",
                                 STR_ARG(place.mount));
    }
    if (place.path.len == 0) {
        return cli_problem_local(&c->problem, "name a secret below %.*s/", STR_ARG(place.mount));
    }
    *out = place;
    return OK_STATUS;
}

struct status cli_kv_api_path(struct cli *c, const struct cli_kv_place *place, const char *kind,
                              struct str *out)
{
    const char *slash = place->path.len > 0 ? "/" : "";
    if (!place->versioned) {
        return cli_path(c, out, "%.*s%s%.*s", STR_ARG(place->mount), slash, STR_ARG(place->path));
    }
    return cli_path(c, out, "%.*s/%s%s%.*s", STR_ARG(place->mount), kind, slash,
                    STR_ARG(place->path));
}
