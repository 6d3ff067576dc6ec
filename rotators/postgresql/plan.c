// SPDX-License-Identifier: ISC
#include "rotators/postgresql/operations.h"

#include <stdio.h>
#include <stdlib.h>

#include "rotators/postgresql/pglogin.h"

enum { STEP_BYTES = 512, QUOTED_BYTES = 2 * PGLOGIN_NAME_BYTES + 3 };

// As an identifier in SQL.
static void quote(const char *name, char out[QUOTED_BYTES])
{
    char *at = out;
    *at++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"') {
            *at++ = '"';
        }
        *at++ = *name;
    }
    *at++ = '"';
    *at = '\0';
}

static void add_change(const struct rotunda_call *call, const char *role,
                       struct rotunda_reply *reply)
{
    char text[STEP_BYTES];
    bool limited = call_text_is(call_account_setting(call, "valid_until"), "expiry");
    const char *until = call->value.valid_until_us == 0 ? "'infinity'" : "'<expires_at>'";
    bool own = call_text_equal(call->account.name, call->target.principal);
    snprintf(text, sizeof text, "ALTER ROLE %s PASSWORD '<verifier>'%s%s", role,
             limited ? " VALID UNTIL " : "", limited ? until : "");
    reply->add_step(reply, text);
    snprintf(text, sizeof text,
             own ? "ALTER ROLE %s SET application_name: the new fence"
                 : "COMMENT ON ROLE %s: its own text and the new fence",
             role);
    reply->add_step(reply, text);
}

enum rotunda_error postgresql_plan(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    char role[PGLOGIN_NAME_BYTES];
    char quoted[QUOTED_BYTES];
    char principal[PGLOGIN_NAME_BYTES];
    char text[STEP_BYTES];
    struct pglogin_route route;
    if (!pglogin_route_read(call, &route, reply)) {
        return reply->error;
    }
    if (!call_text_copy(call->account.name, role, sizeof role) ||
        !call_text_copy(call->target.principal, principal, sizeof principal)) {
        return call_fail(reply, ROTUNDA_ERROR_INVALID, "role names have 1 to 63 octets");
    }
    quote(role, quoted);
    snprintf(text, sizeof text, "log in to %.200s as %s, on the primary", route.host, principal);
    reply->add_step(reply, text);
    reply->add_step(reply, "in one transaction: take the advisory lock of the role, refuse if the "
                           "fence at the end of its comment is larger than ours");
    add_change(call, quoted, reply);
    reply->add_step(reply, "probe: a fresh login with the new password works, one with a random "
                           "password is refused");
    reply->add_step(reply, "open sessions go on; new ones need the new password at once");
    return ROTUNDA_ERROR_NONE;
}

enum rotunda_error postgresql_sessions(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    char role[PGLOGIN_NAME_BYTES];
    struct pglogin_route route;
    __attribute__((cleanup(pglogin_close))) struct pglogin session = {.connection = NULL};
    if (!call_text_copy(call->account.name, role, sizeof role) || role[0] == '\0') {
        return call_fail(reply, ROTUNDA_ERROR_INVALID, "a role's name has 1 to 63 octets");
    }
    if (!pglogin_route_read(call, &route, reply) ||
        !pglogin_as_rotator(call, &route, &session, reply)) {
        return reply->error;
    }
    // usename is shown to every role; backend_type isn't, so workers of a session count with it.
    const char *values[] = {role};
    __attribute__((cleanup(pglogin_result_clear))) PGresult *result =
        pglogin_run(&session, route.deadline_ms,
                    "SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND pid <> "
                    "pg_backend_pid()",
                    (struct pglogin_parameters){values, 1});
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        return call_fail(reply, ROTUNDA_ERROR_UNREACHABLE, "the server could not be asked");
    }
    reply->sessions = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    return ROTUNDA_ERROR_NONE;
}
