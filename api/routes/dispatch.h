// SPDX-License-Identifier: ISC
// From an HTTP request to a handler and back: finds the route, makes the operation, runs the
// handler (again, when mounts or policies changed under it), records it in the audit log, and only
// then lets the answer go.
#pragma once

#include "api/http/http_server.h"
#include "api/routes/route.h"

struct dispatch;

void dispatch_free(struct dispatch *d);
// Builds the routers from route_tables. One per process; read-only afterwards.
struct status dispatch_new(struct vault *v, const struct json_limits *limits,
                           struct dispatch **out);

// One worker's handler: `ctx` for dispatch_serve.
struct dispatch_worker {
    struct dispatch *dispatch;
    struct worker *worker;
};
void dispatch_serve(void *ctx, struct http_request *req, struct http_response *res); // http_handler
