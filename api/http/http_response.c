// SPDX-License-Identifier: ISC
#include "api/http/http_response.h"

#include "vault/base/json_writer.h"
#include "vault/base/limits.h"

enum { RETRY_AFTER_S = 1 };

void http_response_init(struct http_response *res, struct arena *arena)
{
    *res = (struct http_response){
        .status = 200,
        .content_type = HTTP_TYPE_JSON,
        .arena = arena,
    };
    buffer_init(&res->body, LIMIT_RESPONSE_BYTES);
}

void http_response_done(struct http_response *res)
{
    buffer_done(&res->body);
}

void http_response_error(struct http_response *res, int status, struct str message)
{
    res->status = status;
    res->content_type = HTTP_TYPE_JSON;
    buffer_clear(&res->body);
    struct json_writer w = json_writer_on(&res->body);
    json_begin_object(&w);
    json_put_key(&w, "errors");
    json_begin_array(&w);
    if (message.len > 0) {
        json_put_string(&w, message);
    }
    json_end_array(&w);
    json_end_object(&w);
}

void http_response_fail(struct http_response *res, struct status cause)
{
    bool internal = cause.code == STATUS_INTERNAL || cause.code == STATUS_INTEGRITY;
    const char *text = internal || cause.what[0] == '\0' ? status_text(cause.code) : cause.what;
    http_response_error(res, status_http(cause.code), str_from_c(text));
    if (status_retryable(cause.code)) {
        res->retry_after_s = RETRY_AFTER_S;
    }
}

struct status http_response_add_header(struct http_response *res, const char *name,
                                       struct str value)
{
    if (res->extra_count == HTTP_EXTRA_HEADERS) {
        FAIL(LIMIT, "too many response headers");
    }
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7F) {
            FAIL(INVALID, "control character in a response header");
        }
    }
    struct http_header header;
    TRY(arena_copy_str(res->arena, str_from_c(name), &header.name));
    TRY(arena_copy_str(res->arena, value, &header.value));
    res->extra[res->extra_count++] = header;
    return OK_STATUS;
}

struct status http_response_write(struct http_response *res, struct bytes chunk)
{
    if (res->write != NULL) {
        return res->write(res->stream, chunk);
    }
    buffer_append(&res->body, chunk);
    return buffer_status(&res->body);
}

bool http_response_has_room(const struct http_response *res, size_t len)
{
    return res->has_room == NULL || res->has_room(res->stream, len);
}

void http_response_abort(struct http_response *res, struct status cause)
{
    http_response_fail(res, cause);
    if (res->abort != NULL) {
        res->abort(res->stream);
    }
}
