// SPDX-License-Identifier: ISC
// How handlers are written and found. A handler gets the operation (who, which path) beside request
// and response; what it returns other than OK becomes the error answer, so it fills in the response
// last. It may be run again from the start (see vault/core/operation.h).
//
// Routes of sys and auth/token are below /v1. Routes of a mount type are relative to the mount:
// kv's "data/*path" serves /v1/secret/data/a/b when secret/ is a kv mount.
#pragma once

#include "api/http/http_router.h"
#include "vault/core/operation.h"

typedef struct status route_handler(struct operation *op, struct http_request *req,
                                    struct http_response *res);

enum route_flags {
    ROUTE_PLAIN = 0,
    ROUTE_NO_TOKEN = 1,  // answers without a token: the handler doesn't authenticate
    ROUTE_SEALED_TOO = 2 // answers while sealed too, and is never audited
};

struct route {
    uint32_t methods;    // HTTP_ALLOW(...) | ...; POST takes PUT
    const char *pattern; // "policies/acl/:name", "data/*path"; see api/http/http_router.h
    route_handler *handle;
    uint32_t flags;
};

// The value of the route's :name or *name. REQUIREs that the pattern has it.
struct str route_param(const struct http_request *req, const char *name);
// A query parameter; empty when absent.
struct str route_query(const struct http_request *req, const char *name);

// One table per resource, defined in api/routes/<resource>.c and listed in route_tables.c.
struct route_table {
    const char *prefix;     // below /v1: "sys", "auth/token"; NULL for a mount type's table
    const char *mount_type; // NULL for a table with a prefix
    const struct route *routes;
    size_t count;
};
extern const struct route_table *const route_tables[]; // NULL-terminated
