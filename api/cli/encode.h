// SPDX-License-Identifier: ISC
// Percent-encoding of paths and queries.
#pragma once

#include "vault/base/buffer.h"

// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3) and, in a path, '/'.
void cli_encode_path(struct buffer *into, struct str path);
void cli_encode_query(struct buffer *into, struct str value);
// Appends name=value, with an ampersand in front unless it is the first.
void cli_query_add(struct buffer *into, struct str name, struct str value);
