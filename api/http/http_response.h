// SPDX-License-Identifier: ISC
// The answer that a handler fills in. The default is 200, application/json, no body; 204 takes its
// place when a 200 ends without one. Every answer carries Cache-Control: no-store.
#pragma once

#include "api/http/http_headers.h"
#include "vault/base/arena.h"
#include "vault/base/buffer.h"

enum { HTTP_EXTRA_HEADERS = 8 };

#define HTTP_TYPE_JSON "application/json"

struct http_response {
    int status;
    const char *content_type; // a literal, or in the request's arena
    struct buffer body;       // sensitive: wiped when it has been sent
    int64_t retry_after_s;    // 0 for none
    bool close;               // end the connection after this answer

    // Private: use the functions below.
    struct arena *arena;
    struct http_header extra[HTTP_EXTRA_HEADERS];
    size_t extra_count;
    struct status (*write)(void *ctx, struct bytes chunk);
    bool (*has_room)(void *ctx, size_t len);
    void (*abort)(void *ctx);
    void *stream;
};

// For tests and for the server: no stream behind it, http_response_write() fills the body.
void http_response_init(struct http_response *res, struct arena *arena);
void http_response_done(struct http_response *res); // wipes the body

// {"errors":["message"]}, or {"errors":[]} for an empty message. Replaces the body.
void http_response_error(struct http_response *res, int status, struct str message);
// The same with the status's own code and text; what retrying may cure gets a Retry-After.
void http_response_fail(struct http_response *res, struct status cause);

// Both are copied. INVALID for control characters in `value`, LIMIT beyond HTTP_EXTRA_HEADERS.
struct status http_response_add_header(struct http_response *res, const char *name,
                                       struct str value);

// Sends a part of a long answer; the header leaves with the first part and can't be changed then.
// Waits while 64 KiB are unsent, so an export of any length takes constant memory.
// UNAVAILABLE when the client has gone, TIMEOUT when it stopped reading, TOO_LARGE above 64 KiB.
struct status http_response_write(struct http_response *res, struct bytes chunk);
// Would a part of so many bytes be written without waiting for the client?
bool http_response_has_room(const struct http_response *res, size_t len);
// The rest can't be produced: the connection is cut, so that the client can't take what it has
// for the whole. Before the first write the same as http_response_fail().
void http_response_abort(struct http_response *res, struct status cause);
