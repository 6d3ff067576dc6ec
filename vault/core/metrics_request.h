// SPDX-License-Identifier: ISC
// Counts of requests by operation and outcome, and how long they took. Each worker counts in lines
// of memory of its own; reading adds them up. Cheap enough for every request.
#pragma once

#include "vault/base/buffer.h"

// `operation` as in audit records; empty for what never got that far. Any thread, but each worker's
// number by one thread at a time.
void metrics_count_request(int64_t worker, struct str operation, int64_t http_status,
                           int64_t duration_us);

void metrics_put_requests(struct buffer *out); // any thread
