// SPDX-License-Identifier: ISC
#include "api/routes/answer.h"

#include <stdarg.h>
#include <stdio.h>

static void put_request_id(struct json_writer *w, const struct operation *op)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(op->request_id, id);
    json_add_string(w, "request_id", str_from_c(id));
}

static void put_raw_or_null(struct json_writer *w, const char *key, struct str json)
{
    json_add_raw(w, key, json.len == 0 ? STR("null") : json);
}

static void put_tail(struct json_writer *w, const struct str *warnings, size_t count)
{
    json_add_null(w, "wrap_info");
    if (count == 0) {
        json_add_null(w, "warnings");
    } else {
        json_add_strings(w, "warnings", warnings, count);
    }
    json_add_null(w, "auth");
    json_end_object(w);
}

struct json_writer answer_begin(const struct operation *op, struct http_response *res)
{
    buffer_clear(&res->body);
    struct json_writer w = json_writer_on(&res->body);
    json_begin_object(&w);
    put_request_id(&w, op);
    json_add_string(&w, "lease_id", STR(""));
    json_add_bool(&w, "renewable", false);
    json_add_int(&w, "lease_duration", 0);
    json_put_key(&w, "data");
    return w;
}

struct status answer_end(struct json_writer *w)
{
    return answer_end_warned(w, NULL, 0);
}

struct status answer_end_warned(struct json_writer *w, const struct str *warnings, size_t count)
{
    put_tail(w, warnings, count);
    return json_writer_status(w);
}

struct status answer_warned(const struct operation *op, struct http_response *res,
                            const struct str *warnings, size_t count)
{
    if (count == 0) {
        return answer_empty(res);
    }
    struct json_writer w = answer_begin(op, res);
    json_put_null(&w);
    return answer_end_warned(&w, warnings, count);
}

struct status answer_both(const struct operation *op, struct http_response *res, struct str members)
{
    struct json_writer w = answer_begin(op, res);
    buffer_append_c(&res->body, "{");
    buffer_append_str(&res->body, members);
    buffer_append_c(&res->body, "}");
    w.comma = true;
    if (members.len > 0) {
        buffer_append_c(&res->body, ",");
        buffer_append_str(&res->body, members);
    }
    return answer_end(&w);
}

struct status answer_flat(struct http_response *res, struct str json)
{
    buffer_clear(&res->body);
    buffer_append_str(&res->body, json);
    return buffer_status(&res->body);
}

struct status answer_empty(struct http_response *res)
{
    buffer_clear(&res->body);
    res->status = 204;
    return OK_STATUS;
}

struct status answer_keys(const struct operation *op, struct http_response *res,
                          const struct str *keys, size_t count)
{
    if (count == 0) {
        FAIL(NOT_FOUND, "");
    }
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_strings(&w, "keys", keys, count);
    json_end_object(&w);
    return answer_end(&w);
}

struct status answer_whole(const struct operation *op, struct http_response *res,
                           const struct answer_extra *extra)
{
    buffer_clear(&res->body);
    struct json_writer w = json_writer_on(&res->body);
    json_begin_object(&w);
    put_request_id(&w, op);
    json_add_string(&w, "lease_id", extra->lease_id);
    json_add_bool(&w, "renewable", extra->renewable);
    json_add_int(&w, "lease_duration", extra->lease_duration_s);
    put_raw_or_null(&w, "data", extra->data);
    put_raw_or_null(&w, "wrap_info", extra->wrap_info);
    put_raw_or_null(&w, "warnings", extra->warnings);
    put_raw_or_null(&w, "auth", extra->auth);
    json_end_object(&w);
    return json_writer_status(&w);
}

struct status answer_explain(struct http_response *res, struct status status, struct arena *arena,
                             const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct str copy;
    // Without memory the status's own text has to do.
    if (status_ok(arena_copy_str(arena, str_from_c(text), &copy))) {
        http_response_error(res, status_http(status.code), copy);
    }
    return status;
}
