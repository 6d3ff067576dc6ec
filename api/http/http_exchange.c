// SPDX-License-Identifier: ISC
#include "api/http/http_exchange.h"

#include <string.h>

#include "vault/base/limits.h"

void http_exchange_release(struct http_exchange *x)
{
    if (--x->references > 0) {
        return;
    }
    http_response_done(&x->response);
    http_intake_done(x);
    http_stream_free(x->stream);
    free(x);
}

// The target is copied here because it is complete only here: libmicrohttpd cuts the query off in
// place afterwards.
void *http_exchange_on_target(void *worker, const char *target, struct MHD_Connection *mhd)
{
    struct http_worker *w = worker;
    struct http_connection *c = http_connection_of(mhd);
    struct http_exchange *x = malloc(sizeof *x); // glibc's calloc() passes its own cache by
    w->progress = true;
    if (c == NULL || x == NULL) {
        free(x);
        return NULL;
    }
    *x = (struct http_exchange){.references = 1, .worker = w, .connection = c, .mhd = mhd};
    buffer_init(&x->body, w->listener->limits.body_bytes);
    x->request.arena = http_worker_take_arena(w);
    http_response_init(&x->response, x->request.arena);
    if (x->request.arena == NULL ||
        !status_ok(arena_copy_str(x->request.arena, str_from_c(target), &x->request.target))) {
        http_exchange_release(x);
        return NULL;
    }
    // A deadline that runs already is not put off by the request line.
    if (c->phase == HTTP_PHASE_IDLE || c->phase == HTTP_PHASE_SEND) {
        http_connection_enter(c, HTTP_PHASE_HEADER);
    }
    return x;
}

static void answer(struct http_exchange *x)
{
    x->state = HTTP_EXCHANGE_ANSWERED;
    http_connection_enter(x->connection, HTTP_PHASE_SEND);
    http_reply_send(x);
}

// Before the handler: the connection ends with it, because the body that may follow isn't read.
static void refuse(struct http_exchange *x, struct status why)
{
    HTTP_COUNT(x->worker, refused_requests, 1);
    http_response_fail(&x->response, why);
    x->response.close = true;
    if (why.code == STATUS_METHOD) {
        char names[HTTP_ALLOW_BYTES];
        http_method_format_set((UINT32_C(1) << HTTP_METHOD_COUNT) - 1, names);
        // Without the header the answer still says what is wrong.
        status_ignore(http_response_add_header(&x->response, "Allow", str_from_c(names)));
    }
    if (http_intake_expects_body(x)) {
        http_linger_start(x->worker, x->connection->source.fd);
    }
    answer(x);
}

static void run(void *arg)
{
    struct http_exchange *x = arg;
    struct http_worker *w = x->worker;
    w->service.handle(w->service.ctx, &x->request, &x->response);
    w->request_count--;
    if (x->connection != NULL) {
        x->connection->running = NULL;
    }
    if (x->stream != NULL) {
        http_stream_finish(x);
    } else {
        answer(x);
        http_reply_resume(x);
    }
    http_intake_done(x);
    http_exchange_release(x);
}

static void start(struct http_exchange *x)
{
    struct http_worker *w = x->worker;
    struct http_request *req = &x->request;
    req->body = buffer_bytes(&x->body);
    req->deadline_us = clock_monotonic_us() + w->listener->limits.request_us;
    x->response.write = http_stream_write;
    x->response.has_room = http_stream_has_room;
    x->response.abort = http_stream_abort;
    x->response.stream = x;
    struct status started = fiber_start(w->loop, run, x);
    if (!status_ok(started)) {
        HTTP_COUNT(w, refused_requests, 1);
        http_response_fail(&x->response, MAKE_STATUS(UNAVAILABLE, "too many requests at once"));
        answer(x);
        return;
    }
    HTTP_COUNT(w, requests, 1);
    x->references++;
    x->state = HTTP_EXCHANGE_RUNNING;
    x->connection->running = x;
    w->request_count++;
    http_connection_enter(x->connection, HTTP_PHASE_RUN);
    MHD_suspend_connection(x->mhd);
}

static void accept_header(struct http_exchange *x, const char *url, const char *method,
                          const char *version)
{
    x->state = HTTP_EXCHANGE_RECEIVING;
    x->header_start = method;
    struct status s = http_intake_header(x, url, method, version);
    if (!status_ok(s)) {
        refuse(x, s);
    } else if (x->worker->draining) {
        refuse(x, MAKE_STATUS(UNAVAILABLE, "shutting down"));
    } else if (http_intake_expects_body(x)) {
        http_connection_enter(x->connection, HTTP_PHASE_BODY);
    }
}

static void body_complete(struct http_exchange *x)
{
    if (x->too_large) {
        refuse(x, MAKE_STATUS(TOO_LARGE, "the request body is too large"));
    } else {
        start(x);
    }
}

// lint: allow(parameters) libmicrohttpd's callback
enum MHD_Result http_exchange_on_access(void *worker, struct MHD_Connection *mhd, const char *url,
                                        const char *method, const char *version, const char *upload,
                                        size_t *upload_size, void **exchange)
{
    struct http_worker *w = worker;
    struct http_exchange *x = *exchange;
    (void)mhd;
    w->progress = true;
    if (x == NULL) {
        return MHD_NO;
    }
    struct bytes part = {(const uint8_t *)upload, *upload_size};
    *upload_size = 0;
    switch (x->state) {
    case HTTP_EXCHANGE_NEW:
        accept_header(x, url, method, version);
        break;
    case HTTP_EXCHANGE_RECEIVING:
        if (part.len == 0) {
            body_complete(x);
        } else if (!status_ok(http_intake_body(x, part))) {
            return MHD_NO;
        }
        break;
    case HTTP_EXCHANGE_RUNNING:
        break;
    case HTTP_EXCHANGE_ANSWERED:
        // libmicrohttpd asks again because it could not take the answer. It would ask for ever, and
        // not notice that the socket is shut.
        return MHD_NO;
    }
    return MHD_YES;
}

void http_exchange_abandon(struct http_exchange *x)
{
    if (x->request.abandoned) {
        return;
    }
    x->request.abandoned = true;
    HTTP_COUNT(x->worker, abandoned, 1);
    if (x->stream != NULL) {
        fiber_signal(&x->stream->drained);
    }
    if (x->request.on_abandon != NULL) {
        x->request.on_abandon(x->request.on_abandon_ctx);
    }
}

// The request's header in libmicrohttpd's memory: it zeroes it before the next request on the same
// connection, but not when the connection ends. Nothing reads it after this callback.
static void wipe_header(const struct http_exchange *x, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (x->header_start != NULL && info != NULL) {
        explicit_bzero((void *)(uintptr_t)x->header_start, info->header_size);
    }
}

void http_exchange_on_completed(void *worker, struct MHD_Connection *mhd, void **exchange,
                                enum MHD_RequestTerminationCode code)
{
    struct http_worker *w = worker;
    struct http_exchange *x = *exchange;
    w->progress = true;
    if (x == NULL) {
        return;
    }
    *exchange = NULL;
    wipe_header(x, mhd);
    (void)code;
    if (x->connection->running == x) {
        x->connection->running = NULL;
        http_exchange_abandon(x);
    }
    http_connection_enter(x->connection, HTTP_PHASE_IDLE);
    x->connection = NULL;
    x->mhd = NULL;
    http_exchange_release(x);
}
