// SPDX-License-Identifier: ISC
// Waiting for what a blocking connection was asked: only for the files of this folder.
#pragma once

#include <libpq-fe.h>
#include <stdint.h>

struct exchange {
    const char *conninfo; // to ask the server whether it is there at all
    int64_t patience_us;  // for one answer; CLOCK_NEVER: as long as the server is there
};

// After a PQsend...(), of which `sent` is the result, on a non-blocking connection: the last
// result, as PQexec() gives it, or the first failure; to be cleared by the caller. A server that
// says nothing for LIMIT_SILENCE_S and answers no new connection either, or has used up the
// patience, is given up: the connection is cut, which shows as one that was lost.
PGresult *exchange_finish(PGconn *conn, const struct exchange *e, int sent);
