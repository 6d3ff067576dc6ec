// SPDX-License-Identifier: ISC
#include "api/routes/route_page.h"

#include "api/routes/answer.h"

struct status route_page_read(const struct operation *op, const struct http_request *req,
                              struct http_response *res, struct route_page *out)
{
    struct route_page page = {.after = route_query(req, "after")};
    struct str limit = route_query(req, "limit");
    if (limit.len > 0 && !status_ok(str_parse_int(limit, &page.limit))) {
        return answer_explain(res, MAKE_STATUS(INVALID, "limit"), op->arena,
                              "limit must be a whole number");
    }
    if (page.limit < 0 || page.limit > LIMIT_LIST_PAGE) {
        return answer_explain(res, MAKE_STATUS(INVALID, "limit"), op->arena,
                              "limit must be between 0 and %d", LIMIT_LIST_PAGE);
    }
    TRY(acl_page_size(&op->decision, page.limit, &page.limit));
    *out = page;
    return OK_STATUS;
}

struct status route_folder(const struct operation *op, struct str path, struct str *out)
{
    if (path.len == 0 || path.ptr[path.len - 1] == '/') {
        *out = path;
        return OK_STATUS;
    }
    return arena_printf(op->arena, out, "%.*s/", STR_ARG(path));
}
