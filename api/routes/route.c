// SPDX-License-Identifier: ISC
#include "api/routes/route.h"

struct str route_param(const struct http_request *req, const char *name)
{
    struct str value = {NULL, 0};
    REQUIRE(http_params_get(&req->params, str_from_c(name), &value));
    return value;
}

struct str route_query(const struct http_request *req, const char *name)
{
    struct str value = {NULL, 0};
    (void)http_params_get(&req->query, str_from_c(name), &value);
    return value;
}
