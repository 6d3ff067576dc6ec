// SPDX-License-Identifier: ISC
#include "vault/store/session.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/clock.h"
#include "vault/store/connection.h"
#include "vault/store/exchange.h"
#include "vault/store/result_internal.h"
#include "vault/store/session_internal.h"
#include "vault/store/sqlstate.h"

enum { SESSION_STATEMENTS_MAX = 512 }; // far more than the program has

// The server ends a statement after 60 s, if it can.
#define PATIENCE_US (65 * (int64_t)CLOCK_SECOND)

struct session {
    PGconn *conn;
    const char *conninfo;
    struct store_identity identity;
    bool patient;          // the transaction under way may take as long as it likes
    bool patient_for_good; // so may all
    bool warned;           // a WARNING came since the last commit began
    const struct store_statement *prepared[SESSION_STATEMENTS_MAX];
    size_t prepared_count;
};

// A synchronous replica that wasn't waited for shows only as a warning after COMMIT.
static void note_warning(void *arg, const PGresult *res)
{
    struct session *s = arg;
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity != NULL && strcmp(severity, "WARNING") == 0) {
        s->warned = true;
    }
}

void session_close(struct session *s)
{
    if (s != NULL) {
        PQfinish(s->conn);
        free(s);
    }
}

void session_cleanup(struct session **s)
{
    session_close(*s);
}

PGconn *session_take_connection(struct session *s)
{
    PGconn *conn = s->conn;
    free(s);
    return conn;
}

struct status session_open(const struct store_config *config, struct session **out)
{
    struct session *s CLEANUP(session_cleanup) = calloc(1, sizeof *s);
    if (s == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(connection_open(config, &s->conn));
    s->conninfo = config->conninfo;
    TRY(connection_inspect(s->conn, s->conninfo, &s->identity));
    // No jit: statements are short, and those that go by an index whatever it costs would start it.
    TRY(session_script(s, "SET synchronous_commit = on; SET client_min_messages = warning; "
                          "SET statement_timeout = '60s'; SET lock_timeout = '5s'; "
                          "SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'; "
                          "SET jit = off"));
    PQsetNoticeReceiver(s->conn, note_warning, s);
    *out = TAKE(s);
    return OK_STATUS;
}

struct store_identity session_identity(const struct session *s)
{
    return s->identity;
}

bool session_broken(const struct session *s)
{
    return PQstatus(s->conn) != CONNECTION_OK;
}

// Nobody writes to an idle session: what there is to read is its end, or a notice that is read now.
bool session_alive(struct session *s)
{
    struct pollfd socket = {.fd = PQsocket(s->conn), .events = POLLIN};
    return !session_broken(s) && (poll(&socket, 1, 0) == 0 || status_ok(session_script(s, "")));
}

static PGresult *finish(struct session *s, int sent)
{
    const struct exchange e = {.conninfo = s->conninfo,
                               .patience_us =
                                   s->patient || s->patient_for_good ? CLOCK_NEVER : PATIENCE_US};
    return exchange_finish(s->conn, &e, sent);
}

struct status session_script(struct session *s, const char *sql)
{
    PGresult *res = finish(s, PQsendQuery(s->conn, sql));
    struct status outcome = sqlstate_check(res, "script");
    PQclear(res);
    return outcome;
}

static struct status prepare(struct session *s, const struct store_statement *statement,
                             const struct store_params *params)
{
    for (size_t i = 0; i < s->prepared_count; i++) {
        if (s->prepared[i] == statement) {
            return OK_STATUS;
        }
    }
    REQUIRE(s->prepared_count < SESSION_STATEMENTS_MAX);
    PGresult *res = finish(s, PQsendPrepare(s->conn, statement->name, statement->sql,
                                            (int)params->count, params->types));
    struct status outcome = sqlstate_check(res, statement->name);
    PQclear(res);
    if (status_ok(outcome)) {
        s->prepared[s->prepared_count++] = statement;
    }
    return outcome;
}

struct status session_prepare(struct session *s, const struct store_statement *statement)
{
    const struct store_params none = {.count = 0};
    return prepare(s, statement, &none);
}

static struct status take_rows(PGresult *res, const char *name, struct store_rows *out)
{
    struct status outcome = sqlstate_check(res, name);
    if (!status_ok(outcome) || out == NULL) {
        PQclear(res);
        return outcome;
    }
    struct store_result *result;
    TRY(store_result_wrap(res, &result));
    *out = (struct store_rows){result, 0, store_result_row_count(result)};
    return OK_STATUS;
}

struct status session_exec(struct session *s, const struct store_statement *statement,
                           const struct store_value *values, size_t count, struct store_rows *out)
{
    struct store_params params CLEANUP(store_params_done);
    TRY(store_params_init(&params, values, count));
    TRY(prepare(s, statement, &params));
    PGresult *res =
        finish(s, PQsendQueryPrepared(s->conn, statement->name, (int)count, params.values,
                                      params.lengths, params.formats, 1));
    return take_rows(res, statement->name, out);
}

struct status session_take_time(struct session *s)
{
    s->patient = true;
    return session_script(s, "SET LOCAL statement_timeout = 0");
}

struct status session_take_time_for_good(struct session *s)
{
    s->patient_for_good = true;
    return session_script(s, "SET lock_timeout = 0; SET statement_timeout = 0");
}

struct status session_begin(struct session *s)
{
    return session_script(s, "BEGIN");
}

struct status session_begin_snapshot(struct session *s)
{
    return session_script(s, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

struct status session_commit(struct session *s)
{
    s->warned = false;
    PGresult *res = finish(s, PQsendQuery(s->conn, "COMMIT"));
    s->patient = false;
    struct status outcome = sqlstate_check(res, "commit");
    bool committed = status_ok(outcome) && strcmp(PQcmdStatus(res), "COMMIT") == 0;
    PQclear(res);
    TRY(outcome);
    if (!committed) {
        FAIL(UNAVAILABLE, "the transaction was rolled back");
    }
    if (s->warned) {
        FAIL(UNAVAILABLE, "the synchronous replica did not confirm");
    }
    return OK_STATUS;
}

void session_rollback(struct session *s)
{
    s->patient = false;
    if (PQtransactionStatus(s->conn) != PQTRANS_IDLE) {
        status_ignore(session_script(s, "ROLLBACK")); // a broken session is dropped by its owner
    }
}
