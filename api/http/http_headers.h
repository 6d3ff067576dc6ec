// SPDX-License-Identifier: ISC
// The header fields of one request, and the checks that keep two readers of the same bytes (a proxy
// and this server) from seeing two different requests.
#pragma once

#include "vault/base/bytes.h"

enum { HTTP_HEADERS = 64 };

struct http_header {
    struct str name;
    struct str value; // without blanks at both ends
};

struct http_headers {
    const struct http_header *items;
    size_t count;
};

// The first one of that name, in any case; the empty slice when absent.
struct str http_headers_get(const struct http_headers *headers, struct str name);

// INVALID when a name isn't a token, a value holds control characters, a field that frames or
// authorises the request is repeated, Content-Length isn't digits only or stands beside
// Transfer-Encoding, or the transfer coding is anything but `chunked` (RFC 9112 section 6.1
// and 6.3).
struct status http_headers_check(const struct http_headers *headers);

// The vault token from X-Vault-Token or `Authorization: Bearer`; empty when there is none.
// INVALID when both are present and differ.
struct status http_headers_token(const struct http_headers *headers, struct str *out);
