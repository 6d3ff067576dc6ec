// SPDX-License-Identifier: ISC
// The envelope around answers (the HTTP API's Response format):
//
//     struct json_writer w = answer_begin(op, res);   {"request_id": ..., "data":
//     json_begin_object(&w); ... json_end_object(&w);
//     return answer_end(&w);                          , "wrap_info": null, ... }
//
// Nothing may fail between begin and end but the writer itself.
#pragma once

#include "api/routes/route.h"
#include "vault/base/json_writer.h"

struct json_writer answer_begin(const struct operation *op, struct http_response *res);
struct status answer_end(struct json_writer *w);
// The same with warnings beside the data; null when there are none.
struct status answer_end_warned(struct json_writer *w, const struct str *warnings, size_t count);

// Some sys routes answer `data` both inside the envelope and at the top level: `members` is the
// inside of the object, written once and copied, e.g. "\"keys\":[\"a\"]".
struct status answer_both(const struct operation *op, struct http_response *res,
                          struct str members);
// Without an envelope: seal-status, health, init, leader. `json` is the whole body.
struct status answer_flat(struct http_response *res, struct str json);
struct status answer_empty(struct http_response *res); // 204
// 204, or 200 with the warnings and no data.
struct status answer_warned(const struct operation *op, struct http_response *res,
                            const struct str *warnings, size_t count);

// {"keys":[...]}; an empty list is NOT_FOUND, as clients expect.
struct status answer_keys(const struct operation *op, struct http_response *res,
                          const struct str *keys, size_t count);

// The envelope of answers that carry a token or a lease: everything but `data` is up to the caller.
struct answer_extra {
    struct str lease_id;
    bool renewable;
    int64_t lease_duration_s;
    struct str data;      // JSON; empty for null
    struct str auth;      // JSON; empty for null
    struct str warnings;  // JSON array; empty for null
    struct str wrap_info; // JSON; empty for null
};
struct status answer_whole(const struct operation *op, struct http_response *res,
                           const struct answer_extra *extra);

// For error texts that name what the client sent: the message goes into the answer in place of the
// status's own text. Returns `status`. The text is copied into the arena; never put stored data or
// values into it.
struct status answer_explain(struct http_response *res, struct status status, struct arena *arena,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));
