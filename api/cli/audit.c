// SPDX-License-Identifier: ISC
// The audit log: sinks, records, exports. `audit verify` is registered by the composition root,
// because it may read the database directly.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/cli/body.h"
#include "api/cli/commands.h"
#include "api/cli/encode.h"
#include "api/cli/output.h"
#include "api/cli/terminal.h"

enum { BODY_BYTES = 64 * 1024, QUERY_BYTES = 32 * 1024 };

static struct status run_list(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_connect(c, true));
    TRY(cli_get(c, STR("sys/audit"), &answer));
    return cli_print_answer(c, &answer);
}

static struct status write_enable_body(struct cli *c, struct str type, struct buffer *body)
{
    CLEANUP(cli_buffer_done) struct buffer options;
    buffer_init(&options, BODY_BYTES);
    TRY(cli_body_read(c, 1, &options));
    struct json_writer w = json_writer_on(body);
    json_begin_object(&w);
    json_add_string(&w, "type", type);
    cli_body_add_text(c, &w, "description", "description");
    json_add_raw(&w, "options", buffer_str(&options));
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
    struct str name = cli_args_has(&c->args, "path") ? cli_args_text(&c->args, "path") : type;
    TRY(write_enable_body(c, type, &body));
    TRY(cli_path(c, &path, "sys/audit/%.*s", STR_ARG(name)));
    TRY(cli_connect(c, true));
    TRY(cli_post(c, path, buffer_str(&body), &answer));
    cli_say(c, "Enabled the audit sink %.*s.", STR_ARG(name));
    return OK_STATUS;
}

static struct status run_disable(struct cli *c)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    struct str name;
    struct str path;
    TRY(cli_operand_path(c, 0, &name));
    TRY(cli_path(c, &path, "sys/audit/%.*s", STR_ARG(name)));
    TRY(cli_connect(c, true));
    TRY(cli_delete(c, path, &answer));
    cli_say(c, "Disabled the audit sink %.*s; the log itself goes on.", STR_ARG(name));
    return OK_STATUS;
}

// The filters have the names of the API's parameters.
static struct status write_query(struct cli *c, struct buffer *query)
{
    static const char *const names[] = {"actor", "path", "from", "to", "result", "after", "limit"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (cli_args_has(&c->args, names[i])) {
            cli_query_add(query, str_from_c(names[i]), cli_args_text(&c->args, names[i]));
        }
    }
    return buffer_status(query);
}

static struct status run_records(struct cli *c)
{
    static const char *const columns[] = {"time",   "actor",      "operation", "path",
                                          "result", "request_id", NULL};
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer query;
    buffer_init(&query, QUERY_BYTES);
    TRY(write_query(c, &query));
    TRY(cli_connect(c, true));
    struct cli_request request = {
        .method = "GET", .path = STR("sys/audit/records"), .query = buffer_str(&query)};
    TRY(cli_call(c, &request, &answer));
    TRY(cli_print_records(c, &answer, columns));
    struct json_value next = json_get(json_get(answer.json, "data"), "next");
    if (!json_is_null(next)) {
        cli_say(c, "\nThere are more: -after=%.*s", STR_ARG(cli_value_text(next)));
    }
    return OK_STATUS;
}

struct export
{
    struct cli *c;
    int fd;
};

static struct status write_piece(void *context, struct bytes piece)
{
    const struct export *e = context;
    return cli_write_all(e->fd, piece, &e->c->problem);
}

// An export names who did what: it is nobody else's to read, and no older one is overwritten.
static struct status open_output(struct cli *c, int *fd)
{
    struct str name;
    TRY(arena_copy_str(c->arena, cli_args_text(&c->args, "output"), &name));
    *fd = open(name.ptr, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0) {
        return cli_problem_local(&c->problem, "can't create %s: %s", name.ptr, strerror(errno));
    }
    return OK_STATUS;
}

static struct status send_export(struct cli *c, int fd)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    CLEANUP(cli_buffer_done) struct buffer query;
    struct export e = {c, fd};
    buffer_init(&query, QUERY_BYTES);
    TRY(write_query(c, &query));
    bool csv = str_equal_c(cli_args_text(&c->args, "as"), "csv");
    cli_query_add(&query, STR("format"), csv ? STR("csv") : STR("jsonl"));
    TRY(cli_connect(c, true));
    struct cli_request request = {.method = "GET",
                                  .path = STR("sys/audit/export"),
                                  .query = buffer_str(&query),
                                  .sink = write_piece,
                                  .sink_context = &e};
    return cli_call(c, &request, &answer);
}

static struct status run_export(struct cli *c)
{
    CLEANUP(cli_close) int file = -1;
    struct str as = cli_args_text(&c->args, "as");
    if (as.len > 0 && !str_equal_c(as, "jsonl") && !str_equal_c(as, "csv")) {
        return cli_problem_local(&c->problem, "an export is either -as=jsonl or -as=csv");
    }
    if (!cli_args_has(&c->args, "output")) {
        return send_export(c, c->io.out_fd);
    }
    TRY(open_output(c, &file));
    TRY(send_export(c, file));
    if (fsync(file) != 0) {
        return cli_problem_local(&c->problem, "can't write the file: %s", strerror(errno));
    }
    cli_say(c, "Exported to %.*s.", STR_ARG(cli_args_text(&c->args, "output")));
    return OK_STATUS;
}

#define FILTER_FLAGS                                                                               \
    {"actor", CLI_FLAG_TEXT, "NAME", "who: an entity, an accessor or a display name"},             \
        {"path", CLI_FLAG_TEXT, "PREFIX", "requests below this path"},                             \
        {"from", CLI_FLAG_TEXT, "TIME", "not before, e.g. 2026-01-31T08:00:00Z"},                  \
        {"to", CLI_FLAG_TEXT, "TIME", "before"},                                                   \
    {                                                                                              \
        "result", CLI_FLAG_TEXT, "CODE", "with this HTTP status, e.g. 403"                         \
    }
static const struct cli_flag enable_flags[] = {
    {"path", CLI_FLAG_TEXT, "NAME", "its name (default: its type)"},
    {"description", CLI_FLAG_TEXT, "TEXT", "what it is for"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag records_flags[] = {
    FILTER_FLAGS,
    {"after", CLI_FLAG_TEXT, "POSITION", "go on behind this one"},
    {"limit", CLI_FLAG_COUNT, "N", "how many at most"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};
static const struct cli_flag export_flags[] = {
    FILTER_FLAGS,
    {"as", CLI_FLAG_TEXT, "jsonl|csv", "JSON Lines (default) or CSV"},
    {"output", CLI_FLAG_TEXT, "FILE", "a new file, readable by you alone"},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

#define LIST_HELP "Lists the additional audit sinks.\n\nExample: rotunda audit list"
#define ENABLE_HELP                                                                                \
    "Sends the audit log to a further sink.\n\n"                                                   \
    "Example: rotunda audit enable file file_path=/var/log/rotunda/audit.jsonl"
#define DISABLE_HELP                                                                               \
    "Stops sending to a sink; the log in the database goes on.\n\n"                                \
    "Example: rotunda audit disable file"
#define RECORDS_HELP                                                                               \
    "Shows who did what, as far as the filters let through.\n\n"                                   \
    "Example: rotunda audit records -path=secret/data/app -result=403 -limit=50"
#define EXPORT_HELP                                                                                \
    "Streams the log, for `rotunda audit verify` or for other programs.\n\n"                       \
    "Example: rotunda audit export -from=2026-01-01T00:00:00Z -output=january.jsonl"

static const struct cli_command commands[] = {
    {"audit list", "the audit sinks", "", LIST_HELP, NULL, 0, 0, run_list, NULL},
    {"audit enable", "add an audit sink", "TYPE [key=value...]", ENABLE_HELP, enable_flags, 1,
     CLI_ANY, run_enable, NULL},
    {"audit disable", "remove an audit sink", "NAME", DISABLE_HELP, NULL, 1, 1, run_disable, NULL},
    {"audit records", "who did what", "", RECORDS_HELP, records_flags, 0, 0, run_records, NULL},
    {"audit export", "stream the log", "", EXPORT_HELP, export_flags, 0, 0, run_export, NULL},
};
const struct cli_command_list cli_audit_commands = {commands, ARRAY_LEN(commands)};
