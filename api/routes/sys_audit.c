// SPDX-License-Identifier: ISC
// sys/audit: further sinks of the audit log; sys/audit-hash: how the log names a value.
#include <stdatomic.h>
#include <stdio.h>

#include "api/routes/answer.h"
#include "api/routes/route_tables.h"
#include "vault/audit/sink_store.h"
#include "vault/base/clock.h"
#include "vault/crypto/audit_hmac.h"

enum { OPTIONS_BYTES = 4096, DESCRIPTION_BYTES = 512, HASHES_PER_SECOND = 10 };

static struct status enter(struct operation *op, enum policy_operation operation)
{
    TRY(operation_enter(op, operation));
    return operation_require_sudo(op);
}

// The sink's path in the API always ends in a slash.
static struct status read_path(const struct operation *op, struct http_request *req,
                               struct str *out)
{
    struct str name = route_param(req, "path");
    while (str_ends_with(name, STR("/"))) {
        name = str_first(name, name.len - 1);
    }
    if (name.len == 0 || name.len + 2 > AUDIT_SINK_PATH_BYTES) {
        FAIL(INVALID, "the sink's path is empty or too long");
    }
    return arena_printf(op->arena, out, "%.*s/", STR_ARG(name));
}

// ---- reading

struct sinks_job {
    const struct keyring *keyring;
    struct arena *arena;
    struct audit_sink_row *rows;
    size_t count;
};

static struct status list_work(struct session *s, void *arg)
{
    struct sinks_job *job = arg;
    return audit_sink_list(job->keyring, s, job->arena, &job->rows, &job->count);
}

static void put_sink(struct json_writer *w, const struct audit_sink_row *row)
{
    json_put_key_str(w, row->path);
    json_begin_object(w);
    json_add_string(w, "path", row->path);
    json_add_string(w, "type", row->type);
    json_add_string(w, "description", row->description);
    json_add_raw(w, "options", row->options);
    json_add_bool(w, "local", false);
    json_end_object(w);
}

static struct status get_sinks(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    (void)req;
    struct sinks_job job = {.keyring = op->worker->vault->keyring, .arena = op->arena};
    TRY(enter(op, POLICY_OP_READ));
    TRY(store_run(op->worker->vault->store, list_work, &job));
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, AUDIT_SINKS_MAX * 4 * OPTIONS_BYTES);
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    for (size_t i = 0; i < job.count; i++) {
        put_sink(&w, &job.rows[i]);
    }
    json_end_object(&w);
    TRY(json_writer_status(&w));
    struct str object = buffer_str(&text);
    return answer_both(op, res, (struct str){object.ptr + 1, object.len - 2});
}

// ---- adding

// What other vaults take, and what we don't: a way to make a file executable or to choose what it
// begins with (a shell's `#!`) turns a log into a program; raw values don't belong into it.
static struct status check_option(struct operation *op, struct http_response *res, struct str name,
                                  struct json_value value)
{
    int64_t mode;
    bool raw;
    if (str_equal(name, STR("prefix"))) {
        struct str text;
        TRY(json_as_str(value, &text));
        if (text.len > 0) {
            FAIL(INVALID, "an audit file has no prefix");
        }
    } else if (str_equal(name, STR("mode"))) {
        if (!status_ok(json_as_int(value, &mode)) || (mode != 0 && mode != 600)) {
            FAIL(INVALID, "the mode of an audit file is 0600");
        }
    } else if (str_equal(name, STR("log_raw"))) {
        if (!status_ok(json_as_bool(value, &raw)) || raw) {
            FAIL(INVALID, "values are never written to the audit log as they are");
        }
    } else if (str_equal(name, STR("format"))) {
        struct str text;
        TRY(json_as_str(value, &text));
        if (!str_equal(text, STR("json"))) {
            FAIL(INVALID, "the format of an audit file is json");
        }
    } else if (!str_equal(name, STR("file_path"))) {
        return answer_explain(res, MAKE_STATUS(INVALID, "option"), op->arena,
                              "unknown option %.*s: a file sink has file_path", STR_ARG(name));
    }
    return OK_STATUS;
}

static struct status read_options(struct operation *op, struct http_response *res, struct str *out)
{
    struct json_value options = json_get(op->body, "options");
    struct json_iter it = json_iterate(options);
    while (json_next(&it)) {
        TRY(check_option(op, res, it.key, it.value));
    }
    struct str file_path;
    if (!status_ok(json_as_str(json_get(options, "file_path"), &file_path))) {
        FAIL(INVALID, "options.file_path is needed");
    }
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, OPTIONS_BYTES);
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    json_add_string(&w, "file_path", file_path);
    json_end_object(&w);
    TRY(json_writer_status(&w));
    return arena_copy_str(op->arena, buffer_str(&text), out);
}

static struct status read_row(struct operation *op, struct http_request *req,
                              struct http_response *res, struct audit_sink_row *out)
{
    struct str type;
    struct audit_sink_row row = {.id = uuid_new(),
                                 .namespace_id = op->namespace_id,
                                 .type = STR("file"),
                                 .description = STR(""),
                                 .row_version = 1};
    TRY(read_path(op, req, &row.path));
    if (!status_ok(json_as_str(json_get(op->body, "type"), &type)) ||
        !str_equal(type, STR("file"))) {
        FAIL(INVALID, "type must be file: it is the only type of audit sink");
    }
    struct json_value description = json_get(op->body, "description");
    if (!json_is_null(description)) {
        TRY(json_as_str(description, &row.description));
    }
    if (row.description.len > DESCRIPTION_BYTES) {
        FAIL(INVALID, "the description is too long");
    }
    TRY(read_options(op, res, &row.options));
    *out = row;
    return OK_STATUS;
}

struct change_job {
    struct operation *op;
    struct audit_sinks *sinks;
    const struct keyring *keyring;
    struct audit_sink_row row;
    struct audit_sink_config config;
};

static struct status insert_work(struct session *s, void *arg)
{
    const struct change_job *job = arg;
    TRY(audit_sink_check_new(job->sinks, job->keyring, s, &job->config));
    struct status usable = audit_sinks_try(job->sinks, &job->config);
    if (!status_ok(usable)) {
        // Whatever the reason, nothing was changed and the client can do something about it.
        return (struct status){STATUS_INVALID, usable.line, usable.what};
    }
    return audit_sink_insert(job->keyring, s, &job->row);
}

static struct status delete_work(struct session *s, void *arg)
{
    const struct change_job *job = arg;
    return audit_sink_delete(s, job->row.namespace_id, job->row.path);
}

static struct status reload_work(struct session *s, void *arg)
{
    const struct change_job *job = arg;
    return audit_sink_reload(job->sinks, job->keyring, s);
}

static struct status begin_change(struct operation *op, struct change_job *job)
{
    *job = (struct change_job){.op = op,
                               .sinks = audit_log_sinks(op->worker->audit),
                               .keyring = op->worker->vault->keyring};
    if (job->sinks == NULL) {
        FAIL(INVALID, "file sinks need data_dir in the server's configuration");
    }
    return OK_STATUS;
}

static struct status post_sink(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    struct change_job job;
    TRY(enter(op, POLICY_OP_UPDATE));
    TRY(begin_change(op, &job));
    TRY(read_row(op, req, res, &job.row));
    TRY(audit_sink_configure(job.sinks, &job.row, op->arena, &job.config));
    struct status inserted = operation_change_catalog(op, insert_work, &job);
    if (inserted.code == STATUS_CONFLICT) {
        FAIL(INVALID, "path already in use");
    }
    TRY(inserted);
    TRY(store_run(op->worker->vault->store, reload_work, &job));
    return answer_empty(res);
}

static struct status delete_sink(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    struct change_job job;
    TRY(enter(op, POLICY_OP_DELETE));
    TRY(begin_change(op, &job));
    job.row.namespace_id = op->namespace_id;
    TRY(read_path(op, req, &job.row.path));
    struct status removed = operation_change_catalog(op, delete_work, &job);
    // What isn't there needn't be removed, as clients expect.
    if (removed.code != STATUS_NOT_FOUND) {
        TRY(removed);
        TRY(store_run(op->worker->vault->store, reload_work, &job));
    }
    return answer_empty(res);
}

// ---- how the log names a value

// Who may ask for hashes could try values until one fits: a few in each second, of the whole node.
static struct status take_turn(void)
{
    static _Atomic int64_t second;
    static atomic_int used;
    int64_t now = clock_monotonic_us() / CLOCK_SECOND;
    if (atomic_exchange(&second, now) != now) {
        atomic_store(&used, 0);
    }
    if (atomic_fetch_add(&used, 1) >= HASHES_PER_SECOND) {
        FAIL(LIMIT, "too many hashes were asked for, try again in a second");
    }
    return OK_STATUS;
}

static struct status post_hash(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    (void)req;
    struct str input;
    TRY(enter(op, POLICY_OP_UPDATE));
    if (!status_ok(json_as_str(json_get(op->body, "input"), &input)) || input.len == 0) {
        FAIL(INVALID, "input is needed: the value");
    }
    // Requests that are about a token name it so: what most want to find, and all that clients know
    // which have never heard of fields.
    struct str field = STR("token");
    struct json_value asked = json_get(op->body, "field");
    if (!json_is_null(asked) && (!status_ok(json_as_str(asked, &field)) || field.len == 0)) {
        FAIL(INVALID, "field must be the name that audit records show the value under, such as "
                      "data.password");
    }
    TRY(take_turn());
    char hash[AUDIT_HMAC_TEXT_BYTES];
    TRY(audit_hmac(op->worker->vault->keyring, op->namespace_id, field, bytes_from_str(input),
                   hash));
    char members[AUDIT_HMAC_TEXT_BYTES + 16];
    snprintf(members, sizeof members, "\"hash\":\"%s\"", hash);
    return answer_both(op, res, str_from_c(members));
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "audit", get_sinks, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "audit/*path", post_sink, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "audit/*path", delete_sink, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "audit-hash/*path", post_hash, ROUTE_PLAIN},
};
const struct route_table sys_audit_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
