// SPDX-License-Identifier: ISC
#include "vault/notify/wire.h"

#include <stdarg.h>
#include <stdio.h>

#include "vault/base/json.h"
#include "vault/base/json_writer.h"

static const char *const outcome_names[] = {
#define X(name, text) [WIRE_##name] = text,
    WIRE_OUTCOME_TABLE(X)
#undef X
};

struct str wire_outcome_name(enum wire_outcome outcome)
{
    return str_from_c(outcome_names[outcome]);
}

static void make_visible(char *text)
{
    for (; *text != 0; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

void wire_explain(struct wire_result *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->error, sizeof r->error, format, args);
    va_end(args);
    make_visible(r->error);
}

static struct status finish(struct json_writer *w)
{
    json_end_object(w);
    TRY(json_writer_status(w));
    buffer_append_byte(w->out, '\n');
    return buffer_status(w->out);
}

struct status wire_put_job(const struct wire_job *job, struct buffer *out)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    json_add_bool(&w, "mail", job->mail);
    json_add_string(&w, "url", job->url);
    json_add_string(&w, "ca_file", job->ca_file);
    json_add_bool(&w, "require_tls", job->require_tls);
    json_add_bool(&w, "loopback_only", job->loopback_only);
    json_add_int(&w, "timeout_ms", job->timeout_ms);
    json_add_string(&w, "body", job->body);
    json_add_string(&w, "id", job->id);
    json_add_string(&w, "timestamp", job->timestamp);
    json_add_string(&w, "signature", job->signature);
    json_add_string(&w, "username", job->username);
    json_add_string(&w, "password", job->password);
    json_add_string(&w, "sender", job->sender);
    json_add_string(&w, "recipient", job->recipient);
    return finish(&w);
}

struct status wire_put_result(const struct wire_result *r, struct buffer *out)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    json_add_string(&w, "outcome", wire_outcome_name(r->outcome));
    json_add_int(&w, "status", r->status);
    json_add_int(&w, "retry_s", r->retry_s);
    json_add_string(&w, "error", str_from_c(r->error));
    return finish(&w);
}

struct status wire_get_job(struct str line, struct arena *arena, struct wire_job *out)
{
    struct json_value v;
    struct wire_job job = {0};
    TRY(json_parse(line, NULL, arena, &v, NULL));
    const struct {
        const char *key;
        struct str *to;
    } texts[] = {{"url", &job.url},
                 {"ca_file", &job.ca_file},
                 {"body", &job.body},
                 {"id", &job.id},
                 {"timestamp", &job.timestamp},
                 {"signature", &job.signature},
                 {"username", &job.username},
                 {"password", &job.password},
                 {"sender", &job.sender},
                 {"recipient", &job.recipient}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        TRY(json_as_str(json_get(v, texts[i].key), texts[i].to));
    }
    TRY(json_as_bool(json_get(v, "mail"), &job.mail));
    TRY(json_as_bool(json_get(v, "require_tls"), &job.require_tls));
    TRY(json_as_bool(json_get(v, "loopback_only"), &job.loopback_only));
    TRY(json_as_int(json_get(v, "timeout_ms"), &job.timeout_ms));
    *out = job;
    return OK_STATUS;
}

static struct status parse_outcome(struct str text, enum wire_outcome *out)
{
    for (unsigned i = 0; i < WIRE_OUTCOME_COUNT; i++) {
        if (str_equal_c(text, outcome_names[i])) {
            *out = (enum wire_outcome)i;
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "there is no such outcome");
}

struct status wire_get_result(struct str line, struct arena *arena, struct wire_result *out)
{
    struct json_value v;
    struct str outcome;
    struct str error;
    struct wire_result r = {.status = 0};
    TRY(json_parse(line, NULL, arena, &v, NULL));
    TRY(json_as_str(json_get(v, "outcome"), &outcome));
    TRY(json_as_str(json_get(v, "error"), &error));
    TRY(json_as_int(json_get(v, "status"), &r.status));
    TRY(json_as_int(json_get(v, "retry_s"), &r.retry_s));
    TRY(parse_outcome(outcome, &r.outcome));
    if (r.retry_s < 0 || r.retry_s > WIRE_WAIT_MAX_S || r.status < 0 || r.status > 999) {
        FAIL(INVALID, "a figure is out of range");
    }
    wire_explain(&r, "%.*s", STR_ARG(error));
    *out = r;
    return OK_STATUS;
}
