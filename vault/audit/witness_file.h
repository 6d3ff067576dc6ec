// SPDX-License-Identifier: ISC
// The file that checkpoints are appended to: one JSON object per line (line.h), for a disk that the
// database's owner can't reach. `rotunda audit verify -against` compares it with the log.
#pragma once

#include "vault/audit/line.h"

// Appends a line and waits until it is on the disk. UNAVAILABLE, INVALID when it isn't a plain
// file.
struct status audit_witness_append(const char *path, const struct audit_witness *w);
// Calls `each` for every line. INVALID when a line isn't one; NOT_FOUND when there is no file;
// UNAVAILABLE when it can't be read to its end; NOMEM.
struct status audit_witness_read(const char *path,
                                 struct status (*each)(void *ctx, const struct audit_witness *w),
                                 void *ctx);
