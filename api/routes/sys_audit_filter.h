// SPDX-License-Identifier: ISC
// The filters that sys/audit/records and sys/audit/export share, as query parameters: actor
// (display name or accessor), path (prefix), operation, from, to (RFC 3339; `to` itself isn't part
// of it) and result (an HTTP status, or ok, denied, failed, error, recovered).
#pragma once

#include "api/routes/route.h"
#include "vault/audit/walk.h"

// INVALID, explained in the answer.
struct status sys_audit_filter(struct http_request *req, struct http_response *res,
                               struct audit_filter *out);
