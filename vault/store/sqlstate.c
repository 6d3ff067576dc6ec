// SPDX-License-Identifier: ISC
#include "vault/store/sqlstate.h"

#include <string.h>

#include "vault/base/log.h"

static bool in_class(const char *sqlstate, const char *class)
{
    return strncmp(sqlstate, class, strlen(class)) == 0;
}

static struct status from_rejection(const char *sqlstate)
{
    if (in_class(sqlstate, "23")) {
        FAIL(CONFLICT, "conflicts with what is stored");
    }
    if (in_class(sqlstate, "22")) {
        FAIL(INVALID, "a value is out of range");
    }
    if (in_class(sqlstate, "57014")) {
        FAIL(TIMEOUT, "the database took too long");
    }
    if (in_class(sqlstate, "55P03") || in_class(sqlstate, "40")) {
        FAIL(UNAVAILABLE, "the row is being changed by someone else, try again");
    }
    FAIL(INTERNAL, "the database refused a statement");
}

struct status sqlstate_to_status(const char *sqlstate)
{
    if (sqlstate == NULL || in_class(sqlstate, "08") || in_class(sqlstate, "57P")) {
        FAIL(UNAVAILABLE, "the connection to the database was lost");
    }
    if (in_class(sqlstate, "53100")) {
        FAIL(UNAVAILABLE, "the database's disk is full");
    }
    if (in_class(sqlstate, "53")) {
        FAIL(UNAVAILABLE, "the database is out of resources");
    }
    if (in_class(sqlstate, "25006")) {
        FAIL(UNAVAILABLE, "the database is read-only");
    }
    if (in_class(sqlstate, "58")) {
        FAIL(UNAVAILABLE, "the database's storage failed");
    }
    return from_rejection(sqlstate);
}

struct status sqlstate_check(const PGresult *res, const char *statement)
{
    ExecStatusType type = PQresultStatus(res);
    if (type == PGRES_TUPLES_OK || type == PGRES_COMMAND_OK || type == PGRES_EMPTY_QUERY) {
        return OK_STATUS;
    }
    if (type == PGRES_PIPELINE_ABORTED) {
        FAIL(UNAVAILABLE, "another statement of the same batch failed");
    }
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    log_repeated(LOG_WARN, "store.statement_failed", LOG_STR("statement", str_from_c(statement)),
                 LOG_STR("sqlstate", str_from_c(sqlstate)));
    return sqlstate_to_status(sqlstate);
}
