// SPDX-License-Identifier: ISC
// An answer of unknown length. The handler's fiber fills a bounded buffer and waits while it is
// full; libmicrohttpd empties it and is suspended while it is empty.
#include "api/http/http_exchange.h"

#include <string.h>

enum { STREAM_BYTES = 64 * 1024, STREAM_BLOCK_BYTES = 16 * 1024 };

void http_stream_free(struct http_stream *s)
{
    if (s != NULL) {
        buffer_done(&s->pending);
        free(s);
    }
}

static size_t unsent(const struct http_stream *s)
{
    return s->pending.len - s->taken;
}

static ssize_t take(struct http_stream *s, char *out, size_t room)
{
    size_t len = unsent(s) < room ? unsent(s) : room;
    memcpy(out, s->pending.ptr + s->taken, len);
    s->taken += len;
    if (unsent(s) == 0) {
        buffer_clear(&s->pending);
        s->taken = 0;
        fiber_signal(&s->drained);
    }
    return (ssize_t)len;
}

// libmicrohttpd 0.9.75 forgets to clean up a connection that it closes because its reader said that
// the content has ended, with an error or (HTTP/1.0, where the end of the connection is the end of
// the content) without: it would stay for ever. A failed write is cleaned up. So we end the stream
// on the socket ourselves, and the byte given here can't leave any more.
static ssize_t end_on_socket(struct http_exchange *x, int how, char *out)
{
    shutdown(x->connection->source.fd, how);
    *out = '\0';
    return 1;
}

static ssize_t read_stream(void *exchange, uint64_t at, char *out, size_t room)
{
    struct http_exchange *x = exchange;
    struct http_stream *s = x->stream;
    (void)at;
    x->worker->progress = true;
    if (s->failed) {
        return end_on_socket(x, SHUT_RDWR, out);
    }
    if (unsent(s) > 0) {
        http_connection_enter(x->connection, HTTP_PHASE_SEND);
        return take(s, out, room);
    }
    if (s->finished) {
        return x->chunked_answer ? MHD_CONTENT_READER_END_OF_STREAM
                                 : end_on_socket(x, SHUT_WR, out);
    }
    s->suspended = true;
    http_connection_enter(x->connection, HTTP_PHASE_RUN);
    MHD_suspend_connection(x->mhd);
    return 0;
}

static void wake(struct http_exchange *x)
{
    if (x->connection != NULL && x->stream->suspended) {
        x->stream->suspended = false;
        http_connection_enter(x->connection, HTTP_PHASE_SEND);
        http_reply_resume(x);
    }
}

// From now on the connection may end before the handler does, and its memory with it.
static struct status own_headers(struct http_request *req)
{
    struct http_header *copies = ARENA_ARRAY(req->arena, struct http_header, req->headers.count);
    if (copies == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (size_t i = 0; i < req->headers.count; i++) {
        TRY(arena_copy_str(req->arena, req->headers.items[i].name, &copies[i].name));
        TRY(arena_copy_str(req->arena, req->headers.items[i].value, &copies[i].value));
    }
    TRY(arena_copy_str(req->arena, req->token, &req->token));
    TRY(arena_copy_str(req->arena, req->remote, &req->remote));
    req->headers.items = copies;
    return OK_STATUS;
}

static struct status begin(struct http_exchange *x)
{
    TRY(own_headers(&x->request));
    x->stream = calloc(1, sizeof *x->stream);
    if (x->stream == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    buffer_init(&x->stream->pending, STREAM_BYTES);
    x->stream->suspended = true; // as it is while any handler runs
    x->state = HTTP_EXCHANGE_ANSWERED;
    http_reply_queue(x, MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                          read_stream, x, NULL));
    return OK_STATUS;
}

bool http_stream_has_room(void *exchange, size_t len)
{
    const struct http_exchange *x = exchange;
    return x->stream == NULL || x->stream->pending.len + len <= STREAM_BYTES;
}

static struct status wait_for_room(struct http_exchange *x, size_t wanted)
{
    struct http_stream *s = x->stream;
    while (s->pending.len + wanted > STREAM_BYTES) {
        if (x->connection == NULL || x->request.abandoned) {
            FAIL(UNAVAILABLE, "the client has gone");
        }
        s->drained = (struct fiber_event){.set = false};
        TRY(fiber_wait(&s->drained, clock_monotonic_us() + x->worker->listener->limits.send_us));
    }
    return OK_STATUS;
}

struct status http_stream_write(void *exchange, struct bytes chunk)
{
    struct http_exchange *x = exchange;
    if (chunk.len > STREAM_BYTES) {
        FAIL(TOO_LARGE, "a part of a long answer is too large");
    }
    if (x->stream == NULL) {
        TRY(begin(x));
    }
    TRY(wait_for_room(x, chunk.len));
    if (x->connection == NULL || x->request.abandoned) {
        FAIL(UNAVAILABLE, "the client has gone");
    }
    if (x->request.method != HTTP_HEAD) {
        buffer_append(&x->stream->pending, chunk);
        HTTP_COUNT(x->worker, body_bytes_out, chunk.len);
    }
    wake(x);
    return buffer_status(&x->stream->pending);
}

void http_stream_abort(void *exchange)
{
    struct http_exchange *x = exchange;
    if (x->stream != NULL) {
        x->stream->failed = true;
    }
}

void http_stream_finish(struct http_exchange *x)
{
    x->stream->finished = true;
    wake(x);
}
