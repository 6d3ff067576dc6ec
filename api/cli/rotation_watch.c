// SPDX-License-Identifier: ISC
// Waiting for another value, and telling what happens to credentials as it happens.
#include <unistd.h>

#include "api/cli/encode.h"
#include "api/cli/event_stream.h"
#include "api/cli/rotation_cli.h"
#include "api/cli/terminal.h"

enum {
    QUERY_BYTES = 16 * 1024,
    ARENA_BYTES = 1024 * 1024,
    PAUSE_LEAST_S = 1,
    PAUSE_MOST_S = 30,
};

// ---- creds

static struct status write_query(struct cli *c, struct buffer *out)
{
    if (cli_args_bool(&c->args, "previous", false)) {
        cli_query_add(out, STR("version"), STR("previous"));
    } else if (cli_args_has(&c->args, "version")) {
        cli_query_add(out, STR("version"), cli_args_text(&c->args, "version"));
    }
    if (cli_args_has(&c->args, "wait")) {
        cli_query_add(out, STR("wait"), cli_args_text(&c->args, "wait"));
    }
    return buffer_status(out);
}

struct status rotation_cli_creds(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer query;
    struct cli_request request = {.method = "GET"};
    buffer_init(&query, QUERY_BYTES);
    TRY(write_query(c, &query));
    TRY(rotation_cli_outlast_wait(c));
    request.query = buffer_str(&query);
    TRY(rotation_cli_path(c, "creds", "", &request.path));
    TRY(cli_connect(c, true));
    TRY(cli_call(c, &request, &answer));
    return cli_print_answer(c, &answer);
}

// ---- watch

struct watch {
    struct cli *c;
    struct str path;
    struct event_stream stream;
    struct arena *arena; // of one event
    bool heard;          // something came since the last break
};

static void done_watch(struct watch *w)
{
    event_stream_done(&w->stream);
    arena_free(w->arena);
}

static void put_cell(struct buffer *line, struct json_value data, const char *name, size_t width)
{
    size_t before = line->len;
    cli_append_visible(line, cli_value_text(json_get(data, name)));
    while (line->len < before + width) {
        buffer_append_byte(line, ' ');
    }
}

static void put_event(struct buffer *line, struct json_value event)
{
    struct json_value data = json_get(event, "data");
    put_cell(line, event, "timestamp", 0);
    buffer_append_c(line, "  ");
    put_cell(line, data, "event", 8);
    buffer_append_c(line, "  ");
    put_cell(line, data, "credential", 20);
    buffer_append_c(line, "  version ");
    put_cell(line, data, "version", 0);
    if (!json_is_null(json_get(data, "error_class"))) {
        buffer_append_c(line, "  ");
        put_cell(line, data, "error_class", 0);
    }
    buffer_append_byte(line, '\n');
}

// At once, not at the end: there is none.
static struct status tell(void *ctx, const struct event_stream_event *event)
{
    struct watch *w = ctx;
    struct cli *c = w->c;
    struct json_value json;
    CLEANUP(cli_buffer_done) struct buffer line;
    buffer_init(&line, EVENT_STREAM_BYTES);
    if (!status_ok(json_parse(event->data, NULL, w->arena, &json, NULL))) {
        return cli_problem_remote(&c->problem, "an event isn't JSON");
    }
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_append_visible(&line, event->data);
        buffer_append_byte(&line, '\n');
    } else {
        put_event(&line, json);
    }
    arena_reset(w->arena);
    TRY(buffer_status(&line));
    return cli_write_all(c->io.out_fd, buffer_bytes(&line), &c->problem);
}

static struct status take_piece(void *ctx, struct bytes piece)
{
    struct watch *w = ctx;
    w->heard = true;
    return event_stream_take(&w->stream, piece);
}

// Returns when the stream has ended, OK whether by itself or by a break that may pass.
static struct status follow(struct watch *w, bool first)
{
    struct cli *c = w->c;
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = "GET", .path = w->path};
    CLEANUP(cli_buffer_done) struct buffer query;
    buffer_init(&query, QUERY_BYTES);
    if (cli_args_has(&c->args, "credentials")) {
        cli_query_add(&query, STR("credentials"), cli_args_text(&c->args, "credentials"));
    }
    if (w->stream.last_id.len > 0) {
        cli_query_add(&query, STR("since"), buffer_str(&w->stream.last_id));
    }
    TRY(buffer_status(&query));
    const struct cli_request request = {.method = "GET",
                                        .path = w->path,
                                        .query = buffer_str(&query),
                                        .sink = take_piece,
                                        .sink_context = w};
    struct status s = cli_ask(c, &request, &answer);
    event_stream_break(&w->stream);
    // What was written to nobody, or can't be understood, isn't cured by asking again.
    bool passes = s.code == STATUS_UPSTREAM && (!first || w->heard);
    if (!status_ok(s)) {
        return passes ? OK_STATUS : s;
    }
    bool busy = answer.response.code == 429 || answer.response.code >= 500;
    return busy && !first ? OK_STATUS : cli_check(c, &answer);
}

static struct status set_since(struct watch *w)
{
    buffer_append_str(&w->stream.last_id, cli_args_text(&w->c->args, "since"));
    return buffer_status(&w->stream.last_id);
}

struct status rotation_cli_watch(struct cli *c)
{
    CLEANUP(done_watch) struct watch w = {.c = c};
    unsigned pause_s = PAUSE_LEAST_S;
    bool first = true;
    event_stream_init(&w.stream);
    w.stream.got = tell;
    w.stream.ctx = &w;
    w.arena = arena_new(ARENA_BYTES);
    if (w.arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(set_since(&w));
    TRY(rotation_cli_path(c, "events", "", &w.path));
    TRY(cli_connect(c, true));
    for (;;) {
        w.heard = false;
        TRY(follow(&w, first));
        first = false;
        pause_s = w.heard ? PAUSE_LEAST_S : pause_s * 2;
        pause_s = pause_s < PAUSE_MOST_S ? pause_s : PAUSE_MOST_S;
        sleep(pause_s);
    }
}
