// SPDX-License-Identifier: ISC
#include "api/http/http_exchange.h"

#include <stdio.h>
#include <string.h>

enum {
    // Longer bodies are handed over block by block: that shows how far the client has got, and over
    // TLS each round of libmicrohttpd's sends one record only.
    BODY_WHOLE_BYTES = 16 * 1024,
    BODY_BLOCK_BYTES = 32 * 1024,
};

// The body of a queued response; libmicrohttpd releases it.
struct reply_body {
    struct buffer data;
    struct http_exchange *exchange;
    void *block; // where libmicrohttpd keeps the block that it is sending; wiped at the end
    size_t block_len;
};

static void body_free(void *body)
{
    struct reply_body *b = body;
    if (b->block != NULL) {
        explicit_bzero(b->block, b->block_len);
    }
    buffer_done(&b->data);
    free(b);
}

static ssize_t body_read(void *body, uint64_t at, char *out, size_t room)
{
    struct reply_body *b = body;
    struct http_exchange *x = b->exchange;
    size_t left = b->data.len - (size_t)at;
    size_t len = left < room ? left : room;
    x->worker->progress = true;
    http_connection_enter(x->connection, HTTP_PHASE_SEND);
    memcpy(out, b->data.ptr + at, len);
    b->block = out;
    b->block_len = len > b->block_len ? len : b->block_len;
    return (ssize_t)len;
}

static struct MHD_Response *body_response(struct reply_body *b)
{
    if (b->data.len <= BODY_WHOLE_BYTES) {
        return MHD_create_response_from_buffer_with_free_callback_cls(b->data.len, b->data.ptr,
                                                                      body_free, b);
    }
    return MHD_create_response_from_callback(b->data.len, BODY_BLOCK_BYTES, body_read, b,
                                             body_free);
}

static struct MHD_Response *make_response(struct http_exchange *x)
{
    struct http_response *res = &x->response;
    if (!status_ok(buffer_status(&res->body))) {
        http_response_fail(res, MAKE_STATUS(INTERNAL, "the answer is too large"));
    }
    if (res->body.len == 0) {
        if (res->status == 200 && x->request.method != HTTP_HEAD) {
            res->status = 204;
        }
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    struct reply_body *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return NULL;
    }
    b->exchange = x;
    b->data = res->body;
    buffer_init(&res->body, res->body.max);
    HTTP_COUNT(x->worker, body_bytes_out, b->data.len);
    struct MHD_Response *r = body_response(b);
    if (r == NULL) {
        body_free(b);
    }
    return r;
}

static bool add_headers(struct http_exchange *x, struct MHD_Response *r)
{
    struct http_response *res = &x->response;
    bool ok = MHD_add_response_header(r, "Cache-Control", "no-store") == MHD_YES;
    if (res->status != 204) {
        ok &= MHD_add_response_header(r, "Content-Type", res->content_type) == MHD_YES;
        ok &= MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") == MHD_YES;
    }
    if (res->retry_after_s > 0) {
        char seconds[24];
        snprintf(seconds, sizeof seconds, "%lld", (long long)res->retry_after_s);
        ok &= MHD_add_response_header(r, "Retry-After", seconds) == MHD_YES;
    }
    if (res->close || x->worker->draining) {
        ok &= MHD_add_response_header(r, "Connection", "close") == MHD_YES;
    }
    for (size_t i = 0; i < res->extra_count; i++) {
        ok &=
            MHD_add_response_header(r, res->extra[i].name.ptr, res->extra[i].value.ptr) == MHD_YES;
    }
    return ok;
}

void http_reply_queue(struct http_exchange *x, struct MHD_Response *r)
{
    bool queued = r != NULL && add_headers(x, r) &&
                  MHD_queue_response(x->mhd, (unsigned)x->response.status, r) == MHD_YES;
    if (r != NULL) {
        MHD_destroy_response(r); // libmicrohttpd has its own reference
    }
    if (!queued) {
        http_connection_shut(x->connection);
    }
}

void http_reply_send(struct http_exchange *x)
{
    http_reply_queue(x, make_response(x));
}

void http_reply_resume(struct http_exchange *x)
{
    MHD_resume_connection(x->mhd);
    http_worker_kick(x->worker);
}
