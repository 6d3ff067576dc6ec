// SPDX-License-Identifier: ISC
// Finds the route of a request. Patterns are paths without the leading slash; `:name` stands for
// one segment and, at the end, `*name` for one or more. Literal text wins over `:name`, that over
// `*name`, segment by segment from the left; a more general pattern is tried when a more specific
// one doesn't take the method. Built once at start, then only read: safe for any thread.
#pragma once

#include "api/http/http_request.h"
#include "api/http/http_response.h"

typedef void http_handler(void *ctx, struct http_request *req, struct http_response *res);

struct http_route {
    uint32_t methods; // HTTP_ALLOW(...); POST takes PUT, GET takes HEAD
    const char *pattern;
    http_handler *handle;
    uint32_t flags;   // the routes' own
    const void *data; // the routes' own
};

enum { HTTP_ROUTE_PARAMS = 8 };

enum http_found { HTTP_FOUND, HTTP_NO_PATH, HTTP_NO_METHOD };

struct http_match {
    enum http_found found;
    const struct http_route *route; // when HTTP_FOUND
    void *ctx;                      // as given with the route's table
    uint32_t allowed;               // when HTTP_NO_METHOD
    struct http_param params[HTTP_ROUTE_PARAMS];
    size_t param_count;
};

struct http_router;

void http_router_free(struct http_router *r);
struct http_router *http_router_new(void) OWNED_BY(http_router_free); // NULL: out of memory

// Adds a table of routes below `prefix` ("v1" or ""); table and prefix must outlive the router.
// CONFLICT when two routes take the same method of the same pattern, INVALID for a bad pattern
// (empty segment, `*name` not at the end, more than HTTP_ROUTE_PARAMS), NOMEM.
struct status http_router_add(struct http_router *r, const char *prefix,
                              const struct http_route *routes, size_t count, void *ctx);

// Looks up the path's segments from number `skip` on. The values in `out` are slices of the path;
// `*name` keeps its inner slashes and the trailing one.
void http_router_find(const struct http_router *r, enum http_method method,
                      const struct http_path *path, size_t skip, struct http_match *out);

// Looks up the whole path and calls the handler; answers 404 {"errors":[]} or 405 with Allow.
void http_router_serve(const struct http_router *r, struct http_request *req,
                       struct http_response *res);

// What a request means: PUT is POST, GET with ?list=true is LIST, with ?scan=true SCAN.
enum http_method http_router_method(enum http_method sent, const struct http_params *query);
