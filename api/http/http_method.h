// SPDX-License-Identifier: ISC
// The request methods that are served. LIST and SCAN are the vault API's own.
#pragma once

#include "vault/base/bytes.h"

#define HTTP_METHOD_TABLE(X)                                                                       \
    X(GET)                                                                                         \
    X(HEAD)                                                                                        \
    X(POST)                                                                                        \
    X(PUT)                                                                                         \
    X(DELETE)                                                                                      \
    X(LIST)                                                                                        \
    X(SCAN)                                                                                        \
    X(PATCH)                                                                                       \
    X(OPTIONS)

enum http_method {
#define X(name) HTTP_##name,
    HTTP_METHOD_TABLE(X)
#undef X
        HTTP_METHOD_COUNT
};

// A set of methods is a bit mask: HTTP_ALLOW(GET) | HTTP_ALLOW(LIST).
#define HTTP_ALLOW(name) (UINT32_C(1) << HTTP_##name)

// Case-sensitive (RFC 9110 section 9.1). METHOD for anything else.
struct status http_method_parse(struct str name, enum http_method *out);
const char *http_method_name(enum http_method method);

// "GET, LIST", for the Allow header. `out` has room for every method.
enum { HTTP_ALLOW_BYTES = 80 };
void http_method_format_set(uint32_t methods, char out[HTTP_ALLOW_BYTES]);
