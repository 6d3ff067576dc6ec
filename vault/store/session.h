// SPDX-License-Identifier: ISC
// Sessions: blocking connections for what takes several statements or long (LIST, reports,
// migrations, rotation). Only for offload threads and start-up, never for a worker's own thread.
// One thread at a time. `synchronous_commit` is on: what a session committed is durable.
#pragma once

#include "vault/base/secret.h"
#include "vault/runtime/offload.h"
#include "vault/store/statement.h"

// Where the database is. Borrowed for the life of the program.
struct store_config {
    const char *conninfo;          // keywords or URI, several hosts allowed, without password
    const struct secret *password; // NULL: libpq's own ways (~/.pgpass)
};

// What a connection is attached to. After a fail-over the timeline differs.
struct store_identity {
    int64_t system;
    int64_t timeline;
    int backend_pid;
};

struct session;

void session_close(struct session *s); // NULL is fine
// UNAVAILABLE when nothing answers, the server is read-only, out of connections, too old, not UTF-8
// or behind a pooler.
struct status session_open(const struct store_config *config, struct session **out);
void session_cleanup(struct session **s);

struct store_identity session_identity(const struct session *s);
bool session_broken(const struct session *s);
// The server hasn't ended an idle session as far as its socket tells.
bool session_alive(struct session *s);

// One statement. UNAVAILABLE also when the server gives no sign of life for LIMIT_SILENCE_S, or no
// answer 5 to 15 s after it should have ended a statement by itself: whether it was done is then
// unknown, and the session is broken. `out` may be NULL when there is nothing to read; release it
// with store_rows_done().
struct status session_exec(struct session *s, const struct store_statement *statement,
                           const struct store_value *values, size_t count, struct store_rows *out);
// Text that is ours and has no values: migrations and settings.
struct status session_script(struct session *s, const char *sql);

struct status session_begin(struct session *s);
struct status session_begin_snapshot(struct session *s); // repeatable read, read only
// From here on the transaction's statements may take as long as they like, as long as the server
// is there.
struct status session_take_time(struct session *s);
// UNAVAILABLE when the outcome is unknown or a synchronous replica wasn't waited for.
struct status session_commit(struct session *s);
void session_rollback(struct session *s);
