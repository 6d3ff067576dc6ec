// SPDX-License-Identifier: ISC
// Addresses of clients against CIDR blocks (RFC 4632, RFC 4291).
#pragma once

#include "vault/base/bytes.h"

// `remote` as the HTTP server writes it: "192.0.2.1:50000", "[2001:db8::1]:50000" or "unix:uid=0".
// A unix socket is in no block. An IPv4 block also takes IPv4-mapped IPv6 addresses.
bool address_in_cidrs(struct str remote, const struct str *cidrs, size_t count);
// INVALID unless it is an address with an optional prefix length.
struct status address_check_cidr(struct str cidr);
