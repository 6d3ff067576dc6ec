// SPDX-License-Identifier: ISC
// The file behind a sink: appended to, never run, never a way out of its folder. Only for sink.c.
#pragma once

#include <sys/types.h>

#include "vault/base/bytes.h"

struct sink_file {
    const char *folder;
    const char *name;
    int fd; // -1: not open
    dev_t device;
    ino_t inode;
};

void sink_file_close(struct sink_file *f);
// Opens it if it isn't open, or if the name leads to another file by now (it was moved away or
// removed). `*out_reopened` tells. INVALID for what isn't a plain file or pipe, or may be executed;
// UNAVAILABLE.
struct status sink_file_ready(struct sink_file *f, bool *out_reopened);
// Writes what it takes at once; waits up to `wait_ms` when it takes nothing. UNAVAILABLE.
struct status sink_file_write(struct sink_file *f, struct bytes data, int wait_ms, size_t *out);
