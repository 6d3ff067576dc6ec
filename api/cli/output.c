// SPDX-License-Identifier: ISC
#include "api/cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "api/cli/table.h"
#include "vault/base/json_writer.h"

enum { INDENT = 2 };

static const char *const key_value[] = {"Key", "Value", NULL};

void cli_buffer_done(struct buffer *b)
{
    buffer_done(b);
}

// The control character that `text` begins with, -1 when it begins with something else. Those from
// U+0080 to U+009F are two octets, the first of them C2.
static int leading_control(struct str text)
{
    unsigned char c = (unsigned char)text.ptr[0];
    if (c == 0xC2 && text.len > 1 && (unsigned char)text.ptr[1] < 0xA0) {
        return (unsigned char)text.ptr[1];
    }
    return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F ? c : -1;
}

void cli_append_visible(struct buffer *into, struct str text)
{
    while (text.len > 0) {
        int control = leading_control(text);
        if (control >= 0) {
            char escape[16];
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)control);
            buffer_append_c(into, escape);
        } else {
            buffer_append_byte(into, (uint8_t)text.ptr[0]);
        }
        text = str_skip(text, control >= 0x80 ? 2 : 1);
    }
}

struct str cli_value_text(struct json_value v)
{
    struct str text;
    if (json_is_null(v)) {
        return STR("n/a");
    }
    if (json_kind(v) == JSON_STRING && status_ok(json_as_str(v, &text))) {
        return text;
    }
    return json_raw(v);
}

void cli_say(struct cli *c, const char *format, ...)
{
    if (c->settings.format == CLI_FORMAT_JSON || c->settings.field.len > 0) {
        return;
    }
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cli_append_visible(&c->out, str_from_c(text));
    buffer_append_byte(&c->out, '\n');
}

static void break_line(struct buffer *out, unsigned depth)
{
    buffer_append_byte(out, '\n');
    for (unsigned i = 0; i < depth * INDENT; i++) {
        buffer_append_byte(out, ' ');
    }
}

static void append_quoted(struct buffer *out, struct str text)
{
    struct json_writer w = json_writer_on(out);
    json_put_string(&w, text);
}

// Recursion is bounded by the depth that json_parse() accepts.
static void append_indented(struct buffer *out, struct json_value v, unsigned depth)
{
    bool is_object = json_kind(v) == JSON_OBJECT;
    if (!is_object && json_kind(v) != JSON_ARRAY) {
        buffer_append_str(out, json_raw(v));
        return;
    }
    if (json_count(v) == 0) {
        buffer_append_c(out, is_object ? "{}" : "[]");
        return;
    }
    bool first = true;
    buffer_append_c(out, is_object ? "{" : "[");
    struct json_iter it = json_iterate(v);
    while (json_next(&it)) {
        buffer_append_c(out, first ? "" : ",");
        break_line(out, depth + 1);
        if (is_object) {
            append_quoted(out, it.key);
            buffer_append_c(out, ": ");
        }
        append_indented(out, it.value, depth + 1);
        first = false;
    }
    break_line(out, depth);
    buffer_append_c(out, is_object ? "}" : "]");
}

void cli_print_json(struct cli *c, struct json_value v)
{
    CLEANUP(cli_buffer_done) struct buffer text;
    buffer_init(&text, c->out.max);
    append_indented(&text, v, 0);
    buffer_append_byte(&text, '\n');
    // Control characters are left inside strings only, where an escape means the same.
    cli_append_visible(&c->out, buffer_str(&text));
    if (text.failed != STATUS_OK) {
        c->out.failed = text.failed;
    }
}

void cli_print_field(struct cli *c, struct json_value v)
{
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_print_json(c, v);
        return;
    }
    buffer_append_str(&c->out, cli_value_text(v));
    if (isatty(c->io.out_fd)) {
        buffer_append_byte(&c->out, '\n');
    }
}

// Names under which parts of the envelope are shown, as the clients of the API know them.
static const struct {
    const char *shown;
    const char *part;
    const char *member;
} envelope_rows[] = {
    {"wrapping_token", "wrap_info", "token"},
    {"wrapping_accessor", "wrap_info", "accessor"},
    {"wrapping_token_ttl", "wrap_info", "ttl"},
    {"wrapping_token_creation_time", "wrap_info", "creation_time"},
    {"wrapping_token_creation_path", "wrap_info", "creation_path"},
    {"wrapped_accessor", "wrap_info", "wrapped_accessor"},
    {"token", "auth", "client_token"},
    {"token_accessor", "auth", "accessor"},
    {"token_duration", "auth", "lease_duration"},
    {"token_renewable", "auth", "renewable"},
    {"token_policies", "auth", "token_policies"},
    {"identity_policies", "auth", "identity_policies"},
    {"policies", "auth", "policies"},
    {"entity_id", "auth", "entity_id"},
};

static struct status print_one_field(struct cli *c, struct json_value json)
{
    struct str name = c->settings.field;
    struct json_value found = json_get_str(json_get(json, "data"), name);
    for (size_t i = 0; !json_present(found) && i < ARRAY_LEN(envelope_rows); i++) {
        if (str_equal_c(name, envelope_rows[i].shown)) {
            found = json_get(json_get(json, envelope_rows[i].part), envelope_rows[i].member);
        }
    }
    if (!json_present(found)) {
        found = json_get_str(json, name);
    }
    if (!json_present(found)) {
        return cli_problem_local(&c->problem, "the answer has no field \"%.*s\"", STR_ARG(name));
    }
    cli_print_field(c, found);
    return OK_STATUS;
}

static struct status add_row(struct cli_table *t, const char *name, struct json_value v)
{
    return cli_table_add(t, (struct str[]){str_from_c(name), cli_value_text(v)});
}

static struct status add_members(struct cli_table *t, struct json_value object)
{
    struct json_iter it = json_iterate(object);
    while (json_next(&it)) {
        TRY(cli_table_add(t, (struct str[]){it.key, cli_value_text(it.value)}));
    }
    return OK_STATUS;
}

static struct status add_lease(struct cli_table *t, struct json_value json)
{
    struct str lease_id = {NULL, 0};
    status_ignore(json_as_str(json_get(json, "lease_id"), &lease_id)); // most answers have none
    if (lease_id.len == 0) {
        return OK_STATUS;
    }
    TRY(add_row(t, "lease_id", json_get(json, "lease_id")));
    TRY(add_row(t, "lease_duration", json_get(json, "lease_duration")));
    return add_row(t, "lease_renewable", json_get(json, "renewable"));
}

static struct status print_envelope(struct cli *c, struct json_value json)
{
    struct cli_table *t = NULL;
    TRY(cli_table_new(c->arena, key_value, &t));
    TRY(add_lease(t, json));
    for (size_t i = 0; i < ARRAY_LEN(envelope_rows); i++) {
        struct json_value part = json_get(json, envelope_rows[i].part);
        struct json_value member = json_get(part, envelope_rows[i].member);
        if (!json_is_null(member)) {
            TRY(add_row(t, envelope_rows[i].shown, member));
        }
    }
    TRY(add_members(t, json_get(json, "data")));
    cli_table_print(t, &c->out);
    return OK_STATUS;
}

struct status cli_print_answer(struct cli *c, const struct cli_answer *answer)
{
    if (!json_present(answer->json)) {
        return OK_STATUS;
    }
    if (c->settings.field.len > 0) {
        return print_one_field(c, answer->json);
    }
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_print_json(c, answer->json);
        return OK_STATUS;
    }
    if (json_present(json_get(answer->json, "request_id"))) {
        return print_envelope(c, answer->json);
    }
    return cli_print_object(c, answer->json);
}

struct status cli_print_object(struct cli *c, struct json_value object)
{
    struct cli_table *t = NULL;
    TRY(cli_table_new(c->arena, key_value, &t));
    TRY(add_members(t, object));
    cli_table_print(t, &c->out);
    return OK_STATUS;
}

struct status cli_print_keys(struct cli *c, const struct cli_answer *answer)
{
    static const char *const headings[] = {"Keys", NULL};
    struct json_value keys = json_get(json_get(answer->json, "data"), "keys");
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_print_json(c, keys);
        return OK_STATUS;
    }
    struct cli_table *t = NULL;
    TRY(cli_table_new(c->arena, headings, &t));
    struct json_iter it = json_iterate(keys);
    while (json_next(&it)) {
        TRY(cli_table_add(t, (struct str[]){cli_value_text(it.value)}));
    }
    cli_table_print(t, &c->out);
    return OK_STATUS;
}

static struct json_value first_array(struct json_value object)
{
    struct json_iter it = json_iterate(object);
    while (json_next(&it)) {
        if (json_kind(it.value) == JSON_ARRAY) {
            return it.value;
        }
    }
    return (struct json_value){NULL, 0};
}

static struct status add_record(struct cli_table *t, struct json_value record,
                                const char *const *columns)
{
    struct str cells[CLI_TABLE_COLUMNS] = {0};
    for (size_t i = 0; columns[i] != NULL; i++) {
        cells[i] = cli_value_text(json_get(record, columns[i]));
    }
    return cli_table_add(t, cells);
}

struct status cli_print_records(struct cli *c, const struct cli_answer *answer,
                                const char *const *columns)
{
    struct json_value records = first_array(json_get(answer->json, "data"));
    if (c->settings.format == CLI_FORMAT_JSON) {
        cli_print_json(c, answer->json);
        return OK_STATUS;
    }
    struct cli_table *t = NULL;
    TRY(cli_table_new(c->arena, columns, &t));
    struct json_iter it = json_iterate(records);
    while (json_next(&it)) {
        TRY(add_record(t, it.value, columns));
    }
    cli_table_print(t, &c->out);
    return OK_STATUS;
}
