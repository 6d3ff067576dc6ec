// SPDX-License-Identifier: ISC
// One complete request, as a handler sees it. Everything in it is read-only for the handler and
// lives until the handler returns; `arena` is for what the handler itself makes, and is wiped.
#pragma once

#include "api/http/http_headers.h"
#include "api/http/http_method.h"
#include "api/http/http_path.h"
#include "vault/base/arena.h"
#include "vault/base/uuid.h"

struct http_request {
    struct uuid id;
    struct arena *arena;
    enum http_method method; // LIST for GET ?list=true, POST for PUT
    struct str target;       // as sent: path and query, not decoded
    struct http_path path;
    struct http_params query;
    struct http_params params; // the route's :name and *rest, set by the router
    struct http_headers headers;
    struct str token;    // sensitive; empty when none was sent
    struct bytes body;   // sensitive
    struct str remote;   // "192.0.2.1:50000", "[2001:db8::1]:50000" or "unix:uid=1000"
    bool tls;            // came over TLS
    int64_t received_us; // monotonic: header complete
    int64_t deadline_us; // monotonic: what waits on its behalf gives up then

    // The client has gone: nobody will read the answer. Work that wasn't sent to the database may
    // stop. A long wait that wants to know at once sets `on_abandon`; it is called at most once, on
    // the loop, never on the fiber.
    bool abandoned;
    void (*on_abandon)(void *ctx);
    void *on_abandon_ctx;
};

// Header value by name, in any case; empty when absent.
static inline struct str http_request_header(const struct http_request *req, struct str name)
{
    return http_headers_get(&req->headers, name);
}
