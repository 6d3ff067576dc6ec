// SPDX-License-Identifier: ISC
// Line after line of an export or of a checkpoint file, which whoever wrote it may have made to
// hurt: memory stays below LIMIT_AUDIT_LINE_BYTES however long a line is.
#pragma once

#include <stdio.h>

#include "vault/base/buffer.h"

struct audit_lines {
    FILE *file;
    struct buffer line;
    int64_t number; // of the line that was read last, or that couldn't be; from 1
};

// NOT_FOUND when it can't be opened, NOMEM. Release with audit_lines_done() in any case.
struct status audit_lines_open(struct audit_lines *l, const char *path);
void audit_lines_done(struct audit_lines *l); // for CLEANUP; also when all zero

// Without its end and the blanks around it, borrowed until the next one. `out_more` is false after
// the last. TOO_LARGE, UNAVAILABLE when reading fails, NOMEM.
struct status audit_lines_next(struct audit_lines *l, struct str *out, bool *out_more);
