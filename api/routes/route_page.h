// SPDX-License-Identifier: ISC
// Paging of LIST and SCAN: ?after=ENTRY&limit=N.
#pragma once

#include "api/routes/route.h"

struct route_page {
    struct str after; // an entry as listed; empty: from the beginning
    int64_t limit;    // 0: all
};

// After operation_authorise(), whose rule may bound the page. INVALID for a limit that is negative,
// no number or above LIMIT_LIST_PAGE; DENIED for more than the rule allows.
struct status route_page_read(const struct operation *op, const struct http_request *req,
                              struct http_response *res, struct route_page *out);

// `path` with its slash at the end; empty stays empty. NOMEM.
struct status route_folder(const struct operation *op, struct str path, struct str *out);
