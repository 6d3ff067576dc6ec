// SPDX-License-Identifier: ISC
#include "api/routes/sys_audit_filter.h"

#include "api/routes/answer.h"
#include "vault/base/clock.h"

static const struct {
    const char *name;
    int64_t from;
    int64_t to;
} results[] = {
    {"ok", 200, 399},     {"invalid", 400, 400}, {"denied", 403, 403},
    {"failed", 400, 599}, {"error", 500, 599},   {"recovered", 0, 0},
};

static struct status read_result(struct http_request *req, struct http_response *res,
                                 struct audit_filter *out)
{
    struct str text = route_query(req, "result");
    int64_t number;
    if (text.len == 0) {
        return OK_STATUS;
    }
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        if (str_equal_c(text, results[i].name)) {
            out->result_from = results[i].from;
            out->result_to = results[i].to;
            return OK_STATUS;
        }
    }
    if (!status_ok(str_parse_int(text, &number)) || number < 0 || number > 999) {
        return answer_explain(res, MAKE_STATUS(INVALID, "result"), req->arena,
                              "result must be an HTTP status, or ok, invalid, denied, failed, "
                              "error or recovered");
    }
    out->result_from = number;
    out->result_to = number;
    return OK_STATUS;
}

static struct status read_time(struct http_request *req, struct http_response *res,
                               const char *name, int64_t *out)
{
    struct str text = route_query(req, name);
    if (text.len == 0) {
        return OK_STATUS;
    }
    struct status s = clock_parse(text, out);
    return status_ok(s) ? s : answer_explain(res, s, req->arena, "%s: %s", name, s.what);
}

struct status sys_audit_filter(struct http_request *req, struct http_response *res,
                               struct audit_filter *out)
{
    struct audit_filter f = AUDIT_FILTER_NONE;
    f.actor = route_query(req, "actor");
    f.path_prefix = route_query(req, "path");
    f.operation = route_query(req, "operation");
    if (!str_is_text(f.actor) || !str_is_text(f.path_prefix) || !str_is_text(f.operation)) {
        FAIL(INVALID, "a filter isn't UTF-8");
    }
    TRY(read_time(req, res, "from", &f.from_us));
    TRY(read_time(req, res, "to", &f.to_us));
    TRY(read_result(req, res, &f));
    *out = f;
    return OK_STATUS;
}
