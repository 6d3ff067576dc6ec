// SPDX-License-Identifier: ISC
#include "api/cli/call.h"

#include <stdio.h>

#include "api/cli/output.h"

void cli_answer_done(struct cli_answer *answer)
{
    cli_response_done(&answer->response);
}

static struct cli_answer take_answer(struct cli_answer *answer)
{
    struct cli_answer taken = *answer;
    *answer = (struct cli_answer){.method = NULL};
    return taken;
}

struct status cli_ask(struct cli *c, const struct cli_request *request, struct cli_answer *out)
{
    CLEANUP(cli_answer_done)
    struct cli_answer answer = {.method = request->method, .path = request->path};
    TRY(cli_client_send(c->client, request, &c->problem, &answer.response));
    struct str body = str_trim(buffer_str(&answer.response.body));
    if (body.len > 0) {
        struct status parsed = json_parse(body, NULL, c->arena, &answer.json, NULL);
        if (!status_ok(parsed)) {
            return cli_problem_remote(&c->problem,
                                      "the answer (HTTP %ld) isn't JSON: is there a rotunda server "
                                      "at %.*s?",
                                      answer.response.code, STR_ARG(c->settings.address));
        }
    }
    *out = take_answer(&answer);
    return OK_STATUS;
}

// A server has other reasons for a 503 too.
static bool says_sealed(struct json_value errors)
{
    struct json_iter it = json_iterate(errors);
    while (json_next(&it)) {
        struct str line;
        if (status_ok(json_as_str(it.value, &line)) && str_ends_with(line, STR("is sealed"))) {
            return true;
        }
    }
    return false;
}

static const char *advise(long code, struct json_value errors)
{
    if (code == 403) {
        return "\nEither the token is no longer valid (`rotunda token lookup`) or its policies "
               "don't allow this (`rotunda token capabilities PATH`).";
    }
    if (code == 503 && says_sealed(errors)) {
        return "\n`rotunda status` tells how many unseal keys it waits for.";
    }
    return "";
}

static void append_lines(struct buffer *into, struct json_value lines)
{
    struct json_iter it = json_iterate(lines);
    while (json_next(&it)) {
        struct str line;
        if (status_ok(json_as_str(it.value, &line))) {
            buffer_append_c(into, "\n  * ");
            cli_append_visible(into, line);
        }
    }
}

static struct status refuse(struct cli *c, const struct cli_answer *answer)
{
    long code = answer->response.code;
    struct json_value errors = json_get(answer->json, "errors");
    if (code == 404 && json_count(errors) == 0) {
        return cli_problem_remote(&c->problem, "there is nothing at %.*s", STR_ARG(answer->path));
    }
    CLEANUP(cli_buffer_done) struct buffer lines;
    buffer_init(&lines, CLI_PROBLEM_BYTES);
    append_lines(&lines, errors);
    return cli_problem_remote(&c->problem, "%s %.*s was refused (HTTP %ld)%s%.*s%s", answer->method,
                              STR_ARG(answer->path), code, lines.len > 0 ? ":" : "",
                              STR_ARG(buffer_str(&lines)), advise(code, errors));
}

struct status cli_check(struct cli *c, const struct cli_answer *answer)
{
    CLEANUP(cli_buffer_done) struct buffer warnings;
    buffer_init(&warnings, CLI_PROBLEM_BYTES);
    append_lines(&warnings, json_get(answer->json, "warnings"));
    if (warnings.len > 0) {
        dprintf(c->io.err_fd, "rotunda: the server warns:%.*s\n", STR_ARG(buffer_str(&warnings)));
    }
    return answer->response.code >= 300 ? refuse(c, answer) : OK_STATUS;
}

struct status cli_call(struct cli *c, const struct cli_request *request, struct cli_answer *out)
{
    CLEANUP(cli_answer_done) struct cli_answer answer = {.method = NULL};
    TRY(cli_ask(c, request, &answer));
    TRY(cli_check(c, &answer));
    *out = take_answer(&answer);
    return OK_STATUS;
}

struct status cli_get(struct cli *c, struct str path, struct cli_answer *out)
{
    return cli_call(c, &(struct cli_request){.method = "GET", .path = path}, out);
}

// As a GET with a parameter, which passes every proxy, unlike the verb LIST.
struct status cli_list(struct cli *c, struct str path, struct cli_answer *out)
{
    struct cli_request request = {.method = "GET", .path = path, .query = STR("list=true")};
    return cli_call(c, &request, out);
}

struct status cli_post(struct cli *c, struct str path, struct str body, struct cli_answer *out)
{
    return cli_call(c, &(struct cli_request){.method = "POST", .path = path, .body = body}, out);
}

struct status cli_put(struct cli *c, struct str path, struct str body, struct cli_answer *out)
{
    return cli_call(c, &(struct cli_request){.method = "PUT", .path = path, .body = body}, out);
}

struct status cli_delete(struct cli *c, struct str path, struct cli_answer *out)
{
    return cli_call(c, &(struct cli_request){.method = "DELETE", .path = path}, out);
}

struct status cli_operand_path(struct cli *c, size_t index, struct str *out)
{
    struct str path = str_trim(cli_args_operand(&c->args, index));
    while (str_starts_with(path, STR("/"))) {
        path = str_skip(path, 1);
    }
    while (str_ends_with(path, STR("/"))) {
        path = str_first(path, path.len - 1);
    }
    if (path.len == 0) {
        return cli_problem_local(&c->problem, "the path is empty");
    }
    *out = path;
    return OK_STATUS;
}
