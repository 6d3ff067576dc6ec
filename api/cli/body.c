// SPDX-License-Identifier: ISC
#include "api/cli/body.h"

#include <string.h>

#include "api/cli/output.h"
#include "api/cli/terminal.h"
#include "vault/base/json.h"
#include "vault/base/limits.h"

struct body {
    struct cli *c;
    struct json_writer w;
    bool stdin_used;
};

static struct status read_source(struct body *b, struct str source, struct buffer *into)
{
    if (str_equal_c(source, "-")) {
        if (b->stdin_used) {
            return cli_problem_local(&b->c->problem, "standard input can be used only once");
        }
        b->stdin_used = true;
    }
    return cli_read_file(source, b->c->io.in_fd, &b->c->problem, into);
}

static struct status put_text(struct body *b, struct str key, struct str value)
{
    if (!str_is_text(value) || !str_is_text(key)) {
        return cli_problem_local(&b->c->problem,
                                 "the value of \"%.*s\" isn't UTF-8 text: encode it, for instance "
                                 "with base64, and decode it where it is used",
                                 STR_ARG(key));
    }
    json_put_key_str(&b->w, key);
    json_put_string(&b->w, value);
    return OK_STATUS;
}

static struct status put_pair(struct body *b, struct str key, struct str value)
{
    if (str_starts_with(value, STR("\\@"))) {
        return put_text(b, key, str_skip(value, 1));
    }
    if (!str_equal_c(value, "-") && !str_starts_with(value, STR("@"))) {
        return put_text(b, key, value);
    }
    CLEANUP(cli_buffer_done) struct buffer contents;
    buffer_init(&contents, LIMIT_RESPONSE_BYTES);
    TRY(read_source(b, value.ptr[0] == '@' ? str_skip(value, 1) : value, &contents));
    return put_text(b, key, buffer_str(&contents));
}

static struct status put_document(struct body *b, struct str source)
{
    CLEANUP(cli_buffer_done) struct buffer contents;
    buffer_init(&contents, LIMIT_RESPONSE_BYTES);
    TRY(read_source(b, source, &contents));
    struct json_value document;
    struct text_position where = {0};
    struct status parsed = json_parse(buffer_str(&contents), NULL, b->c->arena, &document, &where);
    if (!status_ok(parsed)) {
        return cli_problem_local(&b->c->problem, "%.*s:%u:%u: %s", STR_ARG(source), where.line,
                                 where.column, parsed.what);
    }
    if (json_kind(document) != JSON_OBJECT) {
        return cli_problem_local(&b->c->problem, "%.*s: expected a JSON object", STR_ARG(source));
    }
    struct json_iter it = json_iterate(document);
    while (json_next(&it)) {
        json_put_key_str(&b->w, it.key);
        json_put_raw(&b->w, json_raw(it.value));
    }
    return OK_STATUS;
}

static struct status put_operand(struct body *b, struct str operand)
{
    struct str key;
    struct str value;
    if (str_equal_c(operand, "-")) {
        return put_document(b, operand);
    }
    if (str_starts_with(operand, STR("@"))) {
        return put_document(b, str_skip(operand, 1));
    }
    // Without '=' the operand may be a secret in the wrong place: it isn't repeated.
    if (!str_split(operand, '=', &key, &value) || key.len == 0) {
        return cli_problem_local(&b->c->problem,
                                 "expected key=value, key=@file, key=-, @file.json or -");
    }
    return put_pair(b, key, value);
}

// A key given twice is found by the parser, which refuses it.
static struct status check_once(struct cli *c, struct str body)
{
    struct json_value ignored;
    struct status parsed = json_parse(body, NULL, c->arena, &ignored, NULL);
    if (!status_ok(parsed)) {
        return cli_problem_local(&c->problem, "the values don't make a valid request: %s",
                                 parsed.what);
    }
    return OK_STATUS;
}

struct status cli_body_read(struct cli *c, size_t first, struct buffer *out)
{
    struct body b = {.c = c, .w = json_writer_on(out)};
    json_begin_object(&b.w);
    for (size_t i = first; i < c->args.operand_count; i++) {
        TRY(put_operand(&b, c->args.operands[i]));
    }
    json_end_object(&b.w);
    TRY(json_writer_status(&b.w));
    return check_once(c, buffer_str(out));
}

static bool is_use_of(const struct cli_flag_use *use, const char *flag)
{
    return strcmp(use->flag->name, flag) == 0;
}

struct status cli_body_add_map(struct cli *c, struct json_writer *w, const char *key,
                               const char *flag)
{
    if (!cli_args_has(&c->args, flag)) {
        return OK_STATUS;
    }
    json_put_key(w, key);
    json_begin_object(w);
    for (size_t i = 0; i < c->args.use_count; i++) {
        const struct cli_flag_use *use = &c->args.uses[i];
        struct str name;
        struct str value;
        if (!is_use_of(use, flag)) {
            continue;
        }
        if (!str_split(use->value, '=', &name, &value) || name.len == 0) {
            return cli_problem_local(&c->problem, "flag -%s needs key=value", flag);
        }
        json_put_key_str(w, name);
        json_put_string(w, value);
    }
    json_end_object(w);
    return OK_STATUS;
}

void cli_body_add_list(struct cli *c, struct json_writer *w, const char *key, const char *flag)
{
    if (!cli_args_has(&c->args, flag)) {
        return;
    }
    json_put_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < c->args.use_count; i++) {
        if (is_use_of(&c->args.uses[i], flag)) {
            json_put_string(w, c->args.uses[i].value);
        }
    }
    json_end_array(w);
}

void cli_body_add_text(struct cli *c, struct json_writer *w, const char *key, const char *flag)
{
    if (cli_args_has(&c->args, flag)) {
        json_add_string(w, key, cli_args_text(&c->args, flag));
    }
}

void cli_body_add_count(struct cli *c, struct json_writer *w, const char *key, const char *flag)
{
    if (cli_args_has(&c->args, flag)) {
        json_add_int(w, key, cli_args_count(&c->args, flag, 0));
    }
}
