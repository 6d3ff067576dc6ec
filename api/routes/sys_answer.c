// SPDX-License-Identifier: ISC
#include "api/routes/sys_answer.h"

struct status sys_answer_both(const struct operation *op, struct http_response *res,
                              const struct buffer *object)
{
    TRY(buffer_status(object));
    struct str text = buffer_str(object);
    REQUIRE(text.len >= 2 && text.ptr[0] == '{');
    return answer_both(op, res, str_first(str_skip(text, 1), text.len - 2));
}

struct status sys_answer_data(const struct operation *op, struct http_response *res,
                              const struct buffer *object)
{
    TRY(buffer_status(object));
    struct json_writer w = answer_begin(op, res);
    json_put_raw(&w, buffer_str(object));
    return answer_end(&w);
}
