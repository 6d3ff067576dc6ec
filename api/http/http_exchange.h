// SPDX-License-Identifier: ISC
// One request and its answer, between libmicrohttpd's callbacks and the handler's fiber.
#pragma once

#include "api/http/http_internal.h"

enum http_exchange_state {
    HTTP_EXCHANGE_NEW,       // request line seen
    HTTP_EXCHANGE_RECEIVING, // header accepted
    HTTP_EXCHANGE_RUNNING,   // suspended; the handler's fiber runs
    HTTP_EXCHANGE_ANSWERED,  // a response is queued
};

struct http_stream {
    struct buffer pending; // not yet taken by libmicrohttpd, from `taken` on
    size_t taken;
    bool suspended; // libmicrohttpd waits for more
    bool finished;  // nothing more will come
    bool failed;    // and what came isn't all
    struct fiber_event drained;
};

// References: libmicrohttpd's, from the request line to completion, and the fiber's. Only a stream
// can outlive its connection: without one, libmicrohttpd is suspended until the handler returns.
struct http_exchange {
    unsigned references;
    enum http_exchange_state state;
    struct http_worker *worker;
    struct http_connection *connection; // NULL when it is closed
    struct MHD_Connection *mhd;         // NULL when it is closed
    const char *header_start;           // in libmicrohttpd's memory: the request line
    struct http_request request;
    struct http_response response;
    struct buffer body;
    size_t reserved_bytes; // of the listener's buffered_bytes
    bool too_large;        // a chunked body grew over its limit: the rest is dropped
    size_t dropped_bytes;
    bool chunked_answer;        // the client knows chunks: HTTP/1.1
    struct http_stream *stream; // NULL until the first write
};

void http_exchange_release(struct http_exchange *x);

// http_exchange.c: libmicrohttpd's callbacks
void *http_exchange_on_target(void *worker, const char *target, struct MHD_Connection *mhd);
enum MHD_Result http_exchange_on_access(void *worker, struct MHD_Connection *mhd, const char *url,
                                        const char *method, const char *version, const char *upload,
                                        size_t *upload_size, void **exchange);
void http_exchange_on_completed(void *worker, struct MHD_Connection *mhd, void **exchange,
                                enum MHD_RequestTerminationCode code);
void http_exchange_abandon(struct http_exchange *x); // the client has gone

// http_intake.c: from header fields to a request. INVALID, METHOD, TOO_LARGE, UNAVAILABLE, NOMEM.
struct status http_intake_header(struct http_exchange *x, const char *url, const char *method,
                                 const char *version);
bool http_intake_expects_body(const struct http_exchange *x);
// INTERNAL to give up on the connection.
struct status http_intake_body(struct http_exchange *x, struct bytes part);
void http_intake_done(struct http_exchange *x); // wipes and releases the request

// http_reply.c: queues the response, or shuts the connection when that is impossible.
void http_reply_send(struct http_exchange *x);
// Adds what every response carries and queues it; takes `r`, NULL when memory was short.
void http_reply_queue(struct http_exchange *x, struct MHD_Response *r);
void http_reply_resume(struct http_exchange *x);

// http_stream.c
struct status http_stream_write(void *exchange, struct bytes chunk);
bool http_stream_has_room(void *exchange, size_t len);
void http_stream_abort(void *exchange);
void http_stream_finish(struct http_exchange *x); // the handler has returned
void http_stream_free(struct http_stream *s);
