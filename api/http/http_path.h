// SPDX-License-Identifier: ISC
// The request target (RFC 9112 section 3.2: origin form, or absolute form, whose host is ignored):
// split first, decode then, so that an encoded byte can never change where a segment ends.
//
// Refused as INVALID, each with a reason to show: encoded slashes, dot segments (encoded or not),
// empty segments, NUL and other control characters, malformed percent encodings, text that isn't
// UTF-8, a repeated query parameter, and whatever exceeds the limits below.
#pragma once

#include "vault/base/arena.h"

enum {
    HTTP_PATH_SEGMENTS = 128,
    HTTP_QUERY_PARAMS = 64,
};

// "/v1/kv/data/a%20b/" is text "v1/kv/data/a b/", four segments, trailing_slash.
struct http_path {
    struct str text;            // decoded, without the leading slash
    const struct str *segments; // slices of `text`, never empty
    size_t count;
    bool trailing_slash; // never with count 0
};

struct http_param {
    struct str name;
    struct str value;
};

struct http_params {
    const struct http_param *items;
    size_t count;
};

// Everything in `path` and `query` lives in the arena. INVALID, NOMEM.
struct status http_target_parse(struct arena *a, struct str target, struct http_path *path,
                                struct http_params *query);

// False when absent; `*out` is untouched then.
bool http_params_get(const struct http_params *params, struct str name, struct str *out);
