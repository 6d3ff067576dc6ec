// SPDX-License-Identifier: ISC
// Does the primary accept this password for this role, and would it refuse another one?
#include "rotators/postgresql/operations.h"

#include <string.h>

#include "rotators/common/lent.h"
#include "rotators/postgresql/pglogin.h"

enum { DECOY_OCTETS = 24 };

// One column of the first row is "t".
static bool is_true(const PGresult *result, int column)
{
    return PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, column), "t") == 0;
}

static bool on_primary(const struct pglogin *l, int64_t deadline_ms)
{
    __attribute__((cleanup(pglogin_result_clear))) PGresult *result = pglogin_run(
        l, deadline_ms, "SELECT NOT pg_is_in_recovery()", (struct pglogin_parameters){0});
    return is_true(result, 0);
}

// 28P01 is also said for a role whose VALID UNTIL has passed, whatever the password, and by a
// standby that lags: the rotator's own session on the primary tells them apart.
static enum rotunda_probe explain_refusal(const struct pglogin_route *route,
                                          const struct pglogin *rotator, const char *role,
                                          struct rotunda_reply *reply)
{
    const char *values[] = {role};
    __attribute__((cleanup(pglogin_result_clear))) PGresult *result =
        pglogin_run(rotator, route->deadline_ms,
                    "SELECT NOT pg_is_in_recovery(), coalesce(max(rolvaliduntil) <= now(), false),"
                    " count(*) = 1 FROM pg_roles WHERE rolname = $1",
                    (struct pglogin_parameters){values, 1});
    if (PQresultStatus(result) != PGRES_TUPLES_OK || !is_true(result, 0)) {
        return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_UNREACHABLE,
                              "the password was refused, but no longer by the primary");
    }
    if (is_true(result, 1)) {
        return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_NOT_PERMITTED,
                              "the role's VALID UNTIL has passed: it refuses every password");
    }
    if (!is_true(result, 2)) {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "there is no such role");
    }
    return ROTUNDA_PROBE_REJECTED;
}

// The server was reached and the rotator's own session lives, yet libpq gave up without a word from
// the server: it was asked for clear text, or for nothing at all, over a channel that it must bind.
static enum rotunda_probe explain_failure(const struct pglogin_route *route,
                                          const struct pglogin *rotator,
                                          const struct pglogin *session,
                                          struct rotunda_reply *reply)
{
    if (session->state[0] == '\0' && session->secured && rotator != NULL &&
        on_primary(rotator, route->deadline_ms)) {
        return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_UNTRUSTED,
                              "the server does not ask for the password by SCRAM with channel "
                              "binding: see pg_hba.conf");
    }
    return CALL_NO_ANSWER(reply, pgerror_class(session->state),
                          "the login neither succeeded nor was the password refused (SQLSTATE %s)",
                          session->state[0] == '\0' ? "none" : session->state);
}

// A route that takes any password (trust, a pooler that doesn't ask) proves nothing.
static enum rotunda_probe try_decoy(const struct pglogin_route *route, const char *role,
                                    struct rotunda_reply *reply)
{
    __attribute__((cleanup(pglogin_close))) struct pglogin decoy = {.connection = NULL};
    __attribute__((cleanup(lent_cleanup))) char *password = lent_random_hex(DECOY_OCTETS);
    if (password == NULL) {
        return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_UNREACHABLE, "out of locked memory");
    }
    struct rotunda_bytes lent = {(const uint8_t *)password, strlen(password)};
    switch (pglogin_try(route, role, lent, &decoy)) {
    case PGLOGIN_REFUSED:
        return ROTUNDA_PROBE_WORKS;
    case PGLOGIN_OPEN:
    case PGLOGIN_ACCEPTED:
        return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_UNTRUSTED,
                              "the server takes any password for this role: see pg_hba.conf");
    case PGLOGIN_FAILED:
        break;
    }
    return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_UNREACHABLE,
                          "a wrong password was neither refused nor accepted (SQLSTATE %s)",
                          decoy.state);
}

static enum rotunda_probe judge_open(const struct pglogin_route *route,
                                     const struct pglogin *session, const char *role,
                                     struct rotunda_reply *reply)
{
    if (!session->password_used) {
        return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_UNTRUSTED,
                              "the server did not ask for the password: see pg_hba.conf");
    }
    if (!on_primary(session, route->deadline_ms)) {
        return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_UNREACHABLE, "the session is not on a primary");
    }
    return try_decoy(route, role, reply);
}

enum rotunda_probe postgresql_probe(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    char role[PGLOGIN_NAME_BYTES];
    struct pglogin_route route;
    struct rotunda_reply unused = {.error = ROTUNDA_ERROR_NONE};
    __attribute__((cleanup(pglogin_close))) struct pglogin rotator = {.connection = NULL};
    __attribute__((cleanup(pglogin_close))) struct pglogin session = {.connection = NULL};
    if (!call_text_copy(call->account.name, role, sizeof role) || role[0] == '\0' ||
        call->value.secret.len == 0) {
        return CALL_NO_ANSWER(reply, ROTUNDA_ERROR_INVALID, "a role and a password are needed");
    }
    if (!pglogin_route_read(call, &route, reply)) {
        return ROTUNDA_PROBE_UNREACHABLE;
    }
    // Without it a session still proves that a password works; nothing else can be proven then.
    bool witness = pglogin_as_rotator(call, &route, &rotator, &unused);
    switch (pglogin_try(&route, role, call->value.secret, &session)) {
    case PGLOGIN_OPEN:
        return judge_open(&route, &session, role, reply);
    case PGLOGIN_ACCEPTED:
        if (witness && on_primary(&rotator, route.deadline_ms)) {
            return try_decoy(&route, role, reply);
        }
        break;
    case PGLOGIN_REFUSED:
        if (witness) {
            return explain_refusal(&route, &rotator, role, reply);
        }
        break;
    case PGLOGIN_FAILED:
        return explain_failure(&route, witness ? &rotator : NULL, &session, reply);
    }
    return CALL_NO_ANSWER(reply, unused.error == 0 ? ROTUNDA_ERROR_UNREACHABLE : unused.error,
                          "the server answered, but its answer could not be confirmed: %.300s",
                          unused.message);
}
