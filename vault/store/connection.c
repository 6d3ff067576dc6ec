// SPDX-License-Identifier: ISC
#include "vault/store/connection.h"

#include <stdlib.h>
#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/log.h"
#include "vault/store/exchange.h"
#include "vault/store/sqlstate.h"

enum { PASSWORD_MAX = 1024, OLDEST_SERVER = 150000, INSPECT_US = 10 * CLOCK_SECOND };

// libpq prints notices on standard error otherwise.
static void ignore_notice(void *arg, const PGresult *res)
{
    (void)arg;
    (void)res;
}

static struct status copy_password(const struct secret *password, char *out)
{
    struct bytes view = secret_view(password);
    if (view.len >= PASSWORD_MAX) {
        FAIL(INVALID, "the database password is too long");
    }
    if (view.len > 0) {
        memcpy(out, view.ptr, view.len);
    }
    out[view.len] = '\0';
    return OK_STATUS;
}

static PGconn *connect_with(const char *conninfo, const char *password)
{
    // Later entries win; an unplugged network shows within seconds instead of libpq's hours.
    const char *keys[] = {"dbname",
                          "password",
                          "application_name",
                          "client_encoding",
                          "target_session_attrs",
                          "connect_timeout",
                          "keepalives_idle",
                          "tcp_user_timeout",
                          NULL};
    const char *values[] = {conninfo, password, "rotunda", "UTF8", "read-write",
                            "5",      "5",      "10000",   NULL};
    return PQconnectdbParams(keys, values, 1);
}

struct status connection_open(const struct store_config *config, PGconn **out)
{
    struct secret *password CLEANUP(secret_cleanup) = secret_new(PASSWORD_MAX);
    if (password == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    char *text = (char *)secret_data(password);
    TRY(copy_password(config->password, text));
    PGconn *conn = connect_with(config->conninfo, config->password == NULL ? NULL : text);
    if (conn == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    if (PQstatus(conn) != CONNECTION_OK) {
        // The message names host and reason, never a password.
        log_repeated(LOG_WARN, "store.connect_failed",
                     LOG_STR("reason", str_trim(str_from_c(PQerrorMessage(conn)))));
        PQfinish(conn);
        FAIL(UNAVAILABLE, "the database can't be reached");
    }
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    if (PQsetnonblocking(conn, 1) != 0) {
        PQfinish(conn);
        FAIL(UNAVAILABLE, "the connection to the database was lost");
    }
    *out = conn;
    return OK_STATUS;
}

static int64_t text_int(const PGresult *res, int column)
{
    return strtoll(PQgetvalue(res, 0, column), NULL, 10);
}

struct status connection_inspect(PGconn *conn, const char *conninfo, struct store_identity *out)
{
    const char *encoding = PQparameterStatus(conn, "server_encoding");
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
        FAIL(INVALID, "the database's encoding must be UTF8: create it with ENCODING 'UTF8'");
    }
    if (PQserverVersion(conn) < OLDEST_SERVER) {
        FAIL(INVALID, "PostgreSQL 15 or newer is needed");
    }
    const struct exchange e = {.conninfo = conninfo, .patience_us = INSPECT_US};
    PGresult *res = exchange_finish(
        conn, &e,
        PQsendQuery(conn,
                    "SELECT pg_backend_pid(), "
                    "(SELECT system_identifier FROM pg_control_system()), "
                    "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int8"));
    struct status s = sqlstate_check(res, "store.identity");
    if (status_ok(s)) {
        out->backend_pid = (int)text_int(res, 0);
        out->system = text_int(res, 1);
        out->timeline = text_int(res, 2);
    }
    PQclear(res);
    TRY(s);
    if (out->backend_pid != PQbackendPID(conn)) {
        FAIL(INVALID, "there is a connection pooler in between: connect to PostgreSQL directly");
    }
    return OK_STATUS;
}
