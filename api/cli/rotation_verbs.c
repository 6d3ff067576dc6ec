// SPDX-License-Identifier: ISC
#include "api/cli/rotation_cli.h"

#include "vault/base/limits.h"

static struct status post_empty(struct cli *c, const char *tail, struct cli_answer *answer)
{
    struct str path;
    TRY(rotation_cli_path(c, "credentials", tail, &path));
    TRY(cli_connect(c, true));
    return cli_post(c, path, STR("{}"), answer);
}

// ---- plan

static void append_text(struct cli *c, struct json_value data, const char *key)
{
    cli_append_visible(&c->out, cli_value_text(json_get(data, key)));
}

static void append_steps(struct cli *c, struct json_value data)
{
    struct json_iter it = json_iterate(json_get(data, "steps"));
    for (int64_t number = 1; json_next(&it); number++) {
        buffer_append_c(&c->out, "  ");
        buffer_append_int(&c->out, number);
        buffer_append_c(&c->out, ". ");
        cli_append_visible(&c->out, cli_value_text(it.value));
        buffer_append_c(&c->out, "\n");
    }
}

static void append_consumers(struct cli *c, struct json_value data)
{
    struct json_iter it = json_iterate(json_get(data, "consumers"));
    buffer_append_c(&c->out, json_count(json_get(data, "consumers")) == 0
                                 ? "Nobody has read it in the last 90 days.\n"
                                 : "Read in the last 90 days by:\n");
    while (json_next(&it)) {
        buffer_append_c(&c->out, "  ");
        append_text(c, it.value, "display_name");
        buffer_append_c(&c->out, " (");
        append_text(c, it.value, "accessor");
        buffer_append_c(&c->out, ") at ");
        append_text(c, it.value, "remote");
        buffer_append_c(&c->out, ", last ");
        append_text(c, it.value, "last_read");
        buffer_append_c(&c->out, ", reads: ");
        append_text(c, it.value, "reads");
        buffer_append_c(&c->out, "\n");
    }
}

struct status rotation_cli_plan(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(post_empty(c, "/plan", &answer));
    if (c->settings.format == CLI_FORMAT_JSON || c->settings.field.len > 0) {
        return cli_print_answer(c, &answer);
    }
    struct json_value data = json_get(answer.json, "data");
    buffer_append_c(&c->out, "Version ");
    append_text(c, data, "version");
    buffer_append_c(&c->out, ", for account ");
    append_text(c, data, "account");
    buffer_append_c(&c->out, " at ");
    append_text(c, data, "target");
    buffer_append_c(&c->out, ", due ");
    append_text(c, data, "at");
    buffer_append_c(&c->out, ":\n");
    append_steps(c, data);
    if (json_present(json_get(data, "error"))) {
        buffer_append_c(&c->out, "The target's rotator says: ");
        append_text(c, data, "error");
        buffer_append_c(&c->out, "\n");
    }
    append_consumers(c, data);
    return OK_STATUS;
}

// ---- pause, resume, import, acknowledge

struct status rotation_cli_pause(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(post_empty(c, "/pause", &answer));
    return cli_print_answer(c, &answer);
}

struct status rotation_cli_resume(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(post_empty(c, "/resume", &answer));
    return cli_print_answer(c, &answer);
}

struct status rotation_cli_import(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    TRY(rotation_cli_path(c, "credentials", "/import", &path));
    TRY(cli_body_read(c, 1, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Imported: the target accepts it, and wasn't changed.");
    return cli_print_answer(c, &answer);
}

// A value belongs to action=import only, and then it comes as import takes it.
static struct status acknowledge_body(struct cli *c, struct buffer *out)
{
    if (c->args.operand_count > 1) {
        if (cli_args_has(&c->args, "action")) {
            return cli_problem_local(&c->problem, "give action=import among the values, or "
                                                  "-action without values");
        }
        return cli_body_read(c, 1, out);
    }
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    cli_body_add_text(c, &w, "action", "action");
    json_end_object(&w);
    return json_writer_status(&w);
}

struct status rotation_cli_acknowledge(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    TRY(rotation_cli_path(c, "credentials", "/acknowledge", &path));
    TRY(acknowledge_body(c, &body));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Acknowledged: %.*s", STR_ARG(cli_args_operand(&c->args, 0)));
    return OK_STATUS;
}

// ---- schedule, check

struct status rotation_cli_schedule(struct cli *c)
{
    static const char *const columns[] = {"at", "planned", "moved_by", "why", NULL};
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_request request = {.method = "GET"};
    struct str next = cli_args_text(&c->args, "next");
    if (next.len > 0) {
        TRY(cli_path(c, &request.query, "next=%.*s", STR_ARG(next)));
    }
    TRY(rotation_cli_path(c, "credentials", "/schedule", &request.path));
    TRY(cli_connect(c, true));
    TRY(cli_call(c, &request, &answer));
    return cli_print_records(c, &answer, columns);
}

struct status rotation_cli_check(struct cli *c)
{
    static const char *const columns[] = {"account", "check",        "state",
                                          "detail",  "how_to_grant", NULL};
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    bool good = false;
    buffer_init(&body, LIMIT_RESPONSE_BYTES);
    struct json_writer w = json_writer_on(&body);
    json_begin_object(&w);
    cli_body_add_text(c, &w, "account", "account");
    json_end_object(&w);
    TRY(json_writer_status(&w));
    TRY(rotation_cli_path(c, "targets", "/check", &path));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    TRY(cli_print_records(c, &answer, columns));
    struct json_value data = json_get(answer.json, "data");
    if (status_ok(json_as_bool(json_get(data, "ok"), &good)) && good) {
        return OK_STATUS;
    }
    return cli_problem_remote(&c->problem, "something is missing at %.*s: see how to grant it",
                              STR_ARG(cli_args_operand(&c->args, 0)));
}
