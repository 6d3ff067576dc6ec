// SPDX-License-Identifier: ISC
#include "vault/store/exchange.h"

#include <poll.h>
#include <sys/socket.h>

#include "vault/base/clock.h"
#include "vault/base/limits.h"
#include "vault/base/log.h"

enum { SILENCE_MS = LIMIT_SILENCE_S * 1000 };

// The host that this connection is to, whichever others there are. Where the connection string is
// enough for a login there is one; whether it succeeds doesn't matter.
static bool server_answers(const PGconn *conn, const char *conninfo)
{
    const char *keys[] = {
        "dbname",          "host", "hostaddr", "port", "application_name", "target_session_attrs",
        "connect_timeout", NULL};
    const char *values[] = {
        conninfo, PQhost(conn), PQhostaddr(conn), PQport(conn), "rotunda", "any", "5", NULL};
    return PQpingParams(keys, values, 1) != PQPING_NO_RESPONSE;
}

// Until the socket has something for us. False when there is no more point in waiting.
static bool await(PGconn *conn, const struct exchange *e, bool want_write, int64_t until_us)
{
    struct pollfd socket = {.fd = PQsocket(conn),
                            .events = (short)(POLLIN | (want_write ? POLLOUT : 0))};
    while (poll(&socket, 1, SILENCE_MS) == 0) {
        if (clock_monotonic_us() >= until_us || !server_answers(conn, e->conninfo)) {
            return false;
        }
    }
    return true;
}

// Everything is sent, and a result or the connection's end has come. False when it was given up.
static bool await_result(PGconn *conn, const struct exchange *e, int64_t until_us)
{
    for (;;) {
        int unsent = PQflush(conn);
        if (unsent <= 0 && PQisBusy(conn) == 0) {
            return true;
        }
        if (unsent < 0) {
            return true; // which PQgetResult() tells
        }
        if (!await(conn, e, unsent > 0, until_us)) {
            return false;
        }
        if (PQconsumeInput(conn) != 1) {
            return true;
        }
    }
}

// What libpq finds is then what it finds on any connection that was lost: there is one way only to
// handle it.
static void cut(PGconn *conn)
{
    log_repeated(LOG_WARN, "store.connection_lost",
                 LOG_STATUS(MAKE_STATUS(TIMEOUT, "the database has stopped answering")));
    (void)shutdown(PQsocket(conn), SHUT_RDWR);
}

PGresult *exchange_finish(PGconn *conn, const struct exchange *e, int sent)
{
    PGresult *last = NULL;
    if (sent != 1) {
        return NULL;
    }
    int64_t until_us =
        e->patience_us == CLOCK_NEVER ? CLOCK_NEVER : clock_monotonic_us() + e->patience_us;
    for (;;) {
        if (!await_result(conn, e, until_us)) {
            cut(conn);
        }
        PGresult *next = PQgetResult(conn);
        if (next == NULL) {
            return last;
        }
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(next); // what failed first says why
        } else {
            PQclear(last);
            last = next;
        }
    }
}
