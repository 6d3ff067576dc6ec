// SPDX-License-Identifier: ISC
// Further places that every record goes to, beside the database: files so far. They get a record
// when it is durable in the database, as a line of JSON (line.h), from a thread of their own with a
// bounded spool. A sink never holds up a request: what doesn't fit into its spool is dropped and
// counted, and can be exported from the database later.
//
// One object per process; thread-safe. Workers take a lock here only while there are sinks, once
// per barrier, for as long as copying the lines takes.
#pragma once

#include "vault/audit/record.h"
#include "vault/base/buffer.h"

enum {
    AUDIT_SINKS_MAX = 8,
    AUDIT_SINK_PATH_BYTES = 128,
    AUDIT_SINK_FILE_BYTES = 128,
    AUDIT_SINK_SPOOL_BYTES = 16 * 1024 * 1024,
};

// `path` is its name in the API, with a slash at the end. `file` is a name in the folder for sinks.
struct audit_sink_config {
    char path[AUDIT_SINK_PATH_BYTES];
    char file[AUDIT_SINK_FILE_BYTES];
};

struct audit_sink_stats {
    char path[AUDIT_SINK_PATH_BYTES];
    int64_t written; // lines
    int64_t dropped;
    int64_t waiting;   // lines that aren't written yet
    int64_t reopened;  // how often the file had been moved away or removed
    bool failing;      // it can't be written to at the moment
    const char *error; // a literal: why not; "" while it can
};

struct audit_sinks;

void audit_sinks_free(struct audit_sinks *s); // gives each sink a second to write what it has
// `folder`: where file sinks are; empty: there can be none. It is made here, while the process may
// still make folders.
struct status audit_sinks_new(struct str folder, struct audit_sinks **out);

// A file's name as a client may choose it: a plain name of letters, digits, `.`, `_`, `-`, or the
// folder and such a name. INVALID for anything else: no other place on the machine can be written
// to.
struct status audit_sinks_check_file(const struct audit_sinks *s, struct str file_path,
                                     struct audit_sink_config *out);

// Starts and stops sinks so that exactly these run. Blocking, one caller at a time. UNAVAILABLE
// when one can't be started: the others run. A file that can't be opened isn't a failure: its sink
// keeps trying.
struct status audit_sinks_apply(struct audit_sinks *s, const struct audit_sink_config *configs,
                                size_t count);
// Can this file be written to right now? For telling who adds a sink at once. INVALID, UNAVAILABLE.
struct status audit_sinks_try(const struct audit_sinks *s, const struct audit_sink_config *config);
size_t audit_sinks_stats(struct audit_sinks *s, struct audit_sink_stats out[AUDIT_SINKS_MAX]);

// For audit logs.
bool audit_sinks_wanted(const struct audit_sinks *s); // NULL is fine
void audit_sinks_write_line(struct buffer *lines, int64_t chain_id, int64_t seq,
                            const struct audit_entry *e, struct digest hash);
void audit_sinks_put(struct audit_sinks *s, const struct buffer *lines, size_t count);
