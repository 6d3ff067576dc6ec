// SPDX-License-Identifier: ISC
// What an audit record shows of a request's path: all of it, but for segments that are tokens. Old
// clients name tokens there (`auth/token/lookup/<token>`), which nothing here answers. Such a
// segment is shown as the HMAC of the field `token`, as in a request's parameters (audit_detail.h).
#pragma once

#include "vault/core/operation.h"

// The operation's path, or a copy in its arena. SEALED, NOMEM.
struct status audit_path(const struct operation *op, struct str *out);
