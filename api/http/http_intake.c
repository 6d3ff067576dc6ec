// SPDX-License-Identifier: ISC
#include "api/http/http_exchange.h"

#include <string.h>

struct header_list {
    struct http_header *items;
    size_t count;
    size_t capacity;
};

static enum MHD_Result add_header(void *list, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    struct header_list *l = list;
    (void)kind;
    if (l->count == l->capacity) {
        return MHD_NO;
    }
    l->items[l->count++] = (struct http_header){
        .name = {name, name_len},
        .value = str_trim((struct str){value, value_len}),
    };
    return MHD_YES;
}

// The slices point into libmicrohttpd's memory, which stays until the answer is queued.
static struct status read_headers(struct http_exchange *x)
{
    int count = MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, NULL, NULL);
    if (count < 0 || count > HTTP_HEADERS) {
        FAIL(INVALID, "too many header fields");
    }
    struct header_list list = {.capacity = (size_t)count};
    list.items = ARENA_ARRAY(x->request.arena, struct http_header, list.capacity);
    if (list.items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, add_header, &list);
    x->request.headers = (struct http_headers){list.items, list.count};
    TRY(http_headers_check(&x->request.headers));
    return http_headers_token(&x->request.headers, &x->request.token);
}

// libmicrohttpd hands over C strings: a NUL in the request line would cut the target short. The
// version stands right after the target and its terminator, unless there was such a NUL.
static struct status check_target_whole(const struct http_exchange *x, const char *url,
                                        const char *version)
{
    if (version != url + x->request.target.len + 1) {
        FAIL(INVALID, "NUL in the URL");
    }
    return OK_STATUS;
}

bool http_intake_expects_body(const struct http_exchange *x)
{
    struct str length = http_headers_get(&x->request.headers, STR("Content-Length"));
    return http_headers_get(&x->request.headers, STR("Transfer-Encoding")).len > 0 ||
           (length.len > 0 && !str_equal(length, STR("0")));
}

static struct status reserve(struct http_exchange *x, size_t bytes)
{
    struct http_listener *l = x->worker->listener;
    size_t before = atomic_fetch_add(&l->buffered_bytes, bytes);
    x->reserved_bytes += bytes;
    if (before + bytes > l->limits.buffered_bytes) {
        FAIL(UNAVAILABLE, "too many request bodies at once");
    }
    return OK_STATUS;
}

// Refuses from Content-Length, before anything of the body was read.
static struct status check_length(struct http_exchange *x)
{
    struct str text = http_headers_get(&x->request.headers, STR("Content-Length"));
    if (text.len == 0) {
        return OK_STATUS;
    }
    int64_t length;
    TRY(str_parse_int(text, &length));
    if (length < 0 || (uint64_t)length > x->worker->listener->limits.body_bytes) {
        FAIL(TOO_LARGE, "the request body is too large");
    }
    return reserve(x, (size_t)length);
}

// RFC 9112 section 3.2. libmicrohttpd's own check would answer beside us; http_headers_check() has
// seen that there is no second one.
static struct status check_host(const struct http_exchange *x)
{
    struct str host = http_headers_get(&x->request.headers, STR("Host"));
    if (x->chunked_answer && host.ptr == NULL) {
        FAIL(INVALID, "the Host header field is missing");
    }
    return OK_STATUS;
}

struct status http_intake_header(struct http_exchange *x, const char *url, const char *method,
                                 const char *version)
{
    struct http_request *req = &x->request;
    req->id = uuid_new();
    req->received_us = clock_monotonic_us();
    req->tls = x->worker->listener->tls != NULL;
    x->chunked_answer = !str_equal(str_from_c(version), STR("HTTP/1.0"));
    req->remote = str_from_c(x->connection->remote);
    TRY(read_headers(x));
    TRY(check_host(x));
    TRY(check_target_whole(x, url, version));
    enum http_method sent;
    TRY(http_method_parse(str_from_c(method), &sent));
    TRY(http_target_parse(req->arena, req->target, &req->path, &req->query));
    req->method = http_router_method(sent, &req->query);
    return check_length(x);
}

// A chunked body has no length to refuse it by, and libmicrohttpd takes no answer before its end:
// the rest is dropped, up to this many times the limit, and then answered.
enum { DROPPED_TIMES_LIMIT = 8 };

static struct status drop(struct http_exchange *x, size_t len)
{
    size_t limit = x->worker->listener->limits.body_bytes;
    buffer_clear(&x->body);
    x->too_large = true;
    x->dropped_bytes += len;
    if (x->dropped_bytes / DROPPED_TIMES_LIMIT > limit) {
        FAIL(INTERNAL, "endless request body");
    }
    return OK_STATUS;
}

static struct status keep(struct http_exchange *x, struct bytes part)
{
    size_t wanted = x->body.len + part.len;
    if (wanted > x->worker->listener->limits.body_bytes) {
        return drop(x, part.len);
    }
    if (wanted > x->reserved_bytes) {
        TRY(reserve(x, wanted - x->reserved_bytes));
    }
    buffer_append(&x->body, part);
    return buffer_status(&x->body);
}

struct status http_intake_body(struct http_exchange *x, struct bytes part)
{
    HTTP_COUNT(x->worker, body_bytes_in, part.len);
    struct status s = x->too_large ? drop(x, part.len) : keep(x, part);
    // libmicrohttpd's buffer: it considers these bytes done, and would leave them there.
    explicit_bzero((void *)(uintptr_t)part.ptr, part.len);
    return s;
}

void http_intake_done(struct http_exchange *x)
{
    buffer_done(&x->body);
    atomic_fetch_sub(&x->worker->listener->buffered_bytes, x->reserved_bytes);
    x->reserved_bytes = 0;
    http_worker_give_arena(x->worker, TAKE(x->request.arena));
    x->response.arena = NULL;
}
