// SPDX-License-Identifier: ISC
#include "api/cli/rotation_cli.h"

#include <time.h>
#include <unistd.h>

#include "api/cli/terminal.h"
#include "vault/base/clock.h"
#include "vault/base/limits.h"

enum { POLL_MS = 250, WAIT_S = 30, WAIT_MARGIN_S = 10, LINE_BYTES = 2048 };

struct status rotation_cli_outlast_wait(struct cli *c)
{
    int64_t wait_s = 0;
    if (!cli_args_has(&c->args, "wait")) {
        return OK_STATUS;
    }
    TRY(str_parse_duration_s(cli_args_text(&c->args, "wait"), &wait_s));
    if (c->settings.timeout_s < wait_s + WAIT_MARGIN_S) {
        c->settings.timeout_s = wait_s + WAIT_MARGIN_S;
    }
    return OK_STATUS;
}

struct status rotation_cli_rotate_body(struct cli *c, bool at_once, struct buffer *out)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    if (at_once) {
        json_add_string(&w, "timeout", STR("0s"));
    } else {
        cli_body_add_text(c, &w, "timeout", "wait");
    }
    if (cli_args_bool(&c->args, "force", false)) {
        json_add_bool(&w, "force", true);
    }
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

void rotation_cli_describe(struct json_value data, struct str state, struct buffer *out)
{
    const char *text = json_present(json_get(data, "error")) ? "error" : "detail";
    cli_append_visible(out, state);
    if (!json_is_null(json_get(data, "error_class"))) {
        buffer_append_c(out, "; ");
        cli_append_visible(out, cli_value_text(json_get(data, "error_class")));
        buffer_append_c(out, ": ");
        cli_append_visible(out, cli_value_text(json_get(data, text)));
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
// `data` is an answer's, or an event of the history.
static struct status judge_rotation(struct cli *c, struct json_value data)
{
    static const char *const done[] = {"promoted", "draining", "retired", NULL};
    struct str name = cli_args_operand(&c->args, 0);
    struct str state;
    CLEANUP(cli_buffer_done) struct buffer how;
    buffer_init(&how, CLI_PROBLEM_BYTES);
    if (!status_ok(json_as_str(json_get(data, "state"), &state))) {
        return cli_problem_remote(&c->problem, "the answer doesn't say how the rotation went");
    }
    rotation_cli_describe(data, state, &how);
    if (is_one_of(state, done)) {
        cli_say(c, "%s: version %.*s of %.*s is current, and the target accepts it.",
                str_equal_c(str_from_c(c->command->name), "rotation rollback") ? "Rolled back"
                                                                               : "Rotated",
                STR_ARG(cli_value_text(json_get(data, "version"))), STR_ARG(name));
        return OK_STATUS;
    }
    if (str_equal_c(state, "rolled_back")) {
        return cli_problem_remote(&c->problem, "the rotation of %.*s was given up", STR_ARG(name));
    }
    if (!str_equal_c(state, "blocked")) {
        return say_unfinished(c, name, buffer_str(&how));
    }
    return cli_problem_remote(
        &c->problem,
        "the rotation of %.*s waits for a person (state %.*s).\nPut right "
        "what it names, then acknowledge it: action=retry, apply, import or abandon.",
        STR_ARG(name), STR_ARG(buffer_str(&how)));
}

// ---- progress

struct progress {
    struct str attempt;
    size_t told;            // events of it that were written
    struct cli_answer last; // what the newest event is borrowed from
    struct json_value event;
};

static void tell(struct cli *c, struct json_value event)
{
    CLEANUP(cli_buffer_done) struct buffer line;
    struct str state = cli_value_text(json_get(event, "state"));
    buffer_init(&line, LINE_BYTES);
    cli_append_visible(&line, cli_value_text(json_get(event, "time")));
    buffer_append_c(&line, "  ");
    rotation_cli_describe(event, state, &line);
    buffer_append_c(&line, "\n");
    // Progress is no result: where it can't be written the rotation goes on all the same.
    struct cli_problem why = {0};
    status_ignore(cli_write_all(c->io.err_fd, buffer_bytes(&line), &why));
}

// What has happened since the last look. True: the attempt is over, or waits for a person.
static bool tell_news(struct cli *c, struct progress *p)
{
    static const char *const over[] = {"promoted", "draining",    "retired",
                                       "blocked",  "rolled_back", NULL};
    struct json_value events = json_get(json_get(p->last.json, "data"), "events");
    struct json_iter it = json_iterate(events);
    size_t count = 0;
    bool ended = false;
    while (json_next(&it)) {
        if (!str_equal(cli_value_text(json_get(it.value, "attempt")), p->attempt)) {
            continue;
        }
        p->event = it.value;
        ended = ended || is_one_of(cli_value_text(json_get(it.value, "state")), over);
        if (++count > p->told) {
            tell(c, it.value);
            p->told = count;
        }
    }
    return ended;
}

static struct status look(struct cli *c, struct progress *p)
{
    struct str path;
    TRY(rotation_cli_path(c, "credentials", "/history", &path));
    cli_answer_done(&p->last);
    p->last = (struct cli_answer){.method = NULL};
    p->event = (struct json_value){0};
    return cli_get(c, path, &p->last);
}

static struct status follow(struct cli *c, struct progress *p)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    int64_t wait_s = WAIT_S;
    if (cli_args_has(&c->args, "wait")) {
        TRY(str_parse_duration_s(cli_args_text(&c->args, "wait"), &wait_s));
    }
    int64_t until_us = clock_monotonic_us() + wait_s * CLOCK_SECOND;
    TRY(look(c, p));
    while (!tell_news(c, p) && clock_monotonic_us() < until_us) {
        nanosleep(&pause, NULL);
        TRY(look(c, p));
    }
    return OK_STATUS;
}

static void progress_done(struct progress *p)
{
    cli_answer_done(&p->last);
}

// With steps told one by one: asked for first, then looked at through the history.
static struct status ask_and_follow(struct cli *c, struct str path, struct str body)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(progress_done) struct progress p = {.told = 0};
    TRY(cli_post(c, path, body, &answer));
    p.attempt = cli_value_text(json_get(json_get(answer.json, "data"), "attempt"));
    TRY(follow(c, &p));
    struct json_value outcome = json_present(p.event) ? p.event : json_get(answer.json, "data");
    struct status s = judge_rotation(c, outcome);
    TRY(cli_print_object(c, outcome));
    return s;
}

static bool wants_progress(const struct cli *c)
{
    bool terminal = isatty(c->io.err_fd) && c->settings.format == CLI_FORMAT_TABLE &&
                    c->settings.field.len == 0;
    int64_t wait_s = WAIT_S;
    bool parsed = !cli_args_has(&c->args, "wait") ||
                  status_ok(str_parse_duration_s(cli_args_text(&c->args, "wait"), &wait_s));
    return parsed && wait_s > 0 && cli_args_bool(&c->args, "progress", terminal);
}

// Who may ask for a rotation may perhaps not read its history.
static bool may_look(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct cli_request request = {.method = "GET"};
    return status_ok(rotation_cli_path(c, "credentials", "/history", &request.path)) &&
           status_ok(cli_ask(c, &request, &answer)) && answer.response.code == 200;
}

static struct status ask(struct cli *c, const char *tail)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer body;
    struct str path;
    buffer_init(&body, CLI_PROBLEM_BYTES);
    TRY(rotation_cli_path(c, "credentials", tail, &path));
    TRY(rotation_cli_outlast_wait(c));
    TRY(cli_connect(c, true));
    bool progress = wants_progress(c) && may_look(c);
    TRY(rotation_cli_rotate_body(c, progress, &body));
    if (progress) {
        return ask_and_follow(c, path, buffer_str(&body));
    }
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    struct status outcome = judge_rotation(c, json_get(answer.json, "data"));
    TRY(cli_print_answer(c, &answer));
    return outcome;
}

struct status rotation_cli_rotate(struct cli *c)
{
    return ask(c, "/rotate");
}

struct status rotation_cli_rollback(struct cli *c)
{
    return ask(c, "/rollback");
}
