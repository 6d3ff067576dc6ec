// SPDX-License-Identifier: ISC
// Permission by permission: could a rotation of this role succeed, and what is to be granted where
// it could not. Changes nothing.
#include "rotators/postgresql/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rotators/common/lent.h"
#include "rotators/postgresql/pglogin.h"

enum { HINT_BYTES = 640, QUOTED_BYTES = 2 * PGLOGIN_NAME_BYTES + 3, DECOY_OCTETS = 24 };

// What one query says about the role and about the rotator's own session.
enum column {
    ROLE_EXISTS,
    ROLE_MAY_LOGIN,
    ROLE_EXPIRED,
    ROLE_IS_SUPERUSER,
    ROLE_REPLICATES,
    SELF_SUPERUSER,
    SELF_CREATEROLE,
    SELF_HAS_ADMIN_OPTION,
    PRIMARY,
    SCRAM,
    BACKEND_PID,
    VERSION,
    WRITABLE,
    SELF_ENDS,
    SELF_INHERITS,
    ROLE_IS_SELF,
};

static const char facts_query[] =
    "SELECT r.oid IS NOT NULL, coalesce(r.rolcanlogin, false),"
    " coalesce(r.rolvaliduntil <= now(), false),"
    " coalesce(r.rolsuper, false), coalesce(r.rolreplication OR r.rolbypassrls, false),"
    " me.rolsuper, me.rolcreaterole,"
    " coalesce(pg_has_role(me.oid, r.oid, 'MEMBER WITH ADMIN OPTION'), false),"
    " NOT pg_is_in_recovery(), current_setting('password_encryption') = 'scram-sha-256',"
    " pg_backend_pid(), current_setting('server_version_num'),"
    " NOT current_setting('default_transaction_read_only')::boolean,"
    " coalesce(me.rolvaliduntil < 'infinity', false),"
    " coalesce(r.oid <> me.oid AND pg_has_role(me.oid, r.oid, 'USAGE'), false),"
    " coalesce(r.oid = me.oid, false)"
    " FROM pg_roles me LEFT JOIN pg_roles r ON r.rolname = $1 WHERE me.rolname = session_user";

// Everybody may ask this. A copy of the server has the same identifier, but began at another
// moment.
static const char self_query[] =
    "SELECT c.system_identifier || '/' || extract(epoch FROM pg_postmaster_start_time()) || '/' ||"
    " me.oid FROM pg_control_system() c, pg_roles me WHERE me.rolname = session_user";

// $1 the account, $2 its owner role, $3 the other half of the pair.
static const char pair_query[] =
    "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $3 AND rolcanlogin),"
    " EXISTS (SELECT FROM pg_roles WHERE rolname = $2),"
    " coalesce((SELECT bool_and(pg_has_role(r.oid, o.oid, 'MEMBER')) FROM pg_roles r, pg_roles o"
    "   WHERE r.rolname IN ($1, $3) AND o.rolname = $2), false),"
    " coalesce((SELECT bool_and(coalesce('role=' || $2 = ANY (rolconfig), false))"
    "   FROM pg_roles WHERE rolname IN ($1, $3)), false)";

struct names {
    char role[PGLOGIN_NAME_BYTES];
    char pair[PGLOGIN_NAME_BYTES];  // "" for a single role
    char owner[PGLOGIN_NAME_BYTES]; // "" when none is given
    char quoted_role[QUOTED_BYTES];
    char quoted_pair[QUOTED_BYTES];
    char quoted_owner[QUOTED_BYTES];
    char quoted_self[QUOTED_BYTES];
};

static void report(struct rotunda_reply *reply, const char *name, bool holds, const char *detail,
                   const char *how_to_grant)
{
    struct rotunda_check item = {
        .name = name,
        .state = holds ? ROTUNDA_CHECK_OK : ROTUNDA_CHECK_MISSING,
        .detail = detail,
        .how_to_grant = holds ? "" : how_to_grant,
    };
    reply->add_check(reply, &item);
}

static bool quote(PGconn *connection, const char *name, char out[QUOTED_BYTES])
{
    char *quoted = PQescapeIdentifier(connection, name, strlen(name));
    if (quoted == NULL) {
        return false;
    }
    snprintf(out, QUOTED_BYTES, "%s", quoted);
    PQfreemem(quoted);
    return true;
}

static bool read_names(const struct rotunda_call *call, struct names *out)
{
    return call_text_copy(call->account.name, out->role, sizeof out->role) &&
           call_text_copy(call_account_setting(call, "pair_role"), out->pair, sizeof out->pair) &&
           call_text_copy(call_account_setting(call, "owner_role"), out->owner,
                          sizeof out->owner) &&
           out->role[0] != '\0';
}

static bool quote_names(PGconn *connection, struct names *n)
{
    return quote(connection, n->role, n->quoted_role) &&
           quote(connection, n->pair, n->quoted_pair) &&
           quote(connection, n->owner, n->quoted_owner) &&
           quote(connection, PQuser(connection), n->quoted_self);
}

static bool holds(const PGresult *facts, enum column column)
{
    return strcmp(PQgetvalue(facts, 0, (int)column), "t") == 0;
}

static long number(const PGresult *facts, enum column column)
{
    return strtol(PQgetvalue(facts, 0, (int)column), NULL, 10);
}

static void check_server(const struct pglogin *session, const PGresult *facts,
                         struct rotunda_reply *reply)
{
    report(reply, "primary", holds(facts, PRIMARY), "passwords can be changed on a primary only",
           "name the primary in the target's host");
    report(reply, "writable", holds(facts, WRITABLE),
           "transactions aren't read-only by default: default_transaction_read_only",
           "ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf(); or the same "
           "for the database or the rotator's role, wherever it is set");
    report(reply, "no_pooler", number(facts, BACKEND_PID) == PQbackendPID(session->connection),
           "a pooler caches passwords, so that a probe through it proves nothing",
           "name the server itself in the target's host and port");
    report(reply, "password_encryption", holds(facts, SCRAM),
           "passwords that others set are kept as SCRAM verifiers too",
           "ALTER SYSTEM SET password_encryption = 'scram-sha-256'; SELECT pg_reload_conf();");
}

static void check_role(const struct rotunda_call *call, const struct names *n,
                       const PGresult *facts, struct rotunda_reply *reply)
{
    char hint[HINT_BYTES];
    report(reply, "role_not_reserved", strncmp(n->role, "pg_", strlen("pg_")) != 0,
           "the name doesn't begin with pg_, as the server's own roles do, which can't be altered",
           "rotate a role of another name");
    snprintf(hint, sizeof hint, "CREATE ROLE %s LOGIN;", n->quoted_role);
    report(reply, "role_exists", holds(facts, ROLE_EXISTS), "the role exists", hint);
    if (!holds(facts, ROLE_EXISTS)) {
        return;
    }
    snprintf(hint, sizeof hint, "ALTER ROLE %s LOGIN;", n->quoted_role);
    report(reply, "role_may_login", holds(facts, ROLE_MAY_LOGIN), "the role may log in", hint);
    snprintf(hint, sizeof hint, "ALTER ROLE %s VALID UNTIL 'infinity';", n->quoted_role);
    report(reply, "role_not_expired", !holds(facts, ROLE_EXPIRED),
           "the role's VALID UNTIL has not passed", hint);
    bool separate = !call_text_equal(call->account.name, call->target.principal);
    report(
        reply, "separate_principal", separate,
        "the rotator does not log in as the role that it changes",
        "CREATE ROLE rotunda_rotator LOGIN CREATEROLE; then name it as the target's username. The "
        "rotator's own password is replaced with: rotunda rotation target rotate NAME");
}

// Up to version 15 CREATEROLE may alter any role but those that take a superuser: superusers, and
// roles with REPLICATION or BYPASSRLS. Since 16 it is superusers only, and the ADMIN OPTION on each
// role; who creates a role gets that by himself, whatever createrole_self_grant says.
static void check_reach(const struct names *n, const PGresult *facts, struct rotunda_reply *reply)
{
    char hint[HINT_BYTES];
    bool superuser = holds(facts, SELF_SUPERUSER);
    bool new_rules = number(facts, VERSION) >= 160000;
    bool beyond = holds(facts, ROLE_IS_SUPERUSER) || (!new_rules && holds(facts, ROLE_REPLICATES));
    report(reply, "role_within_reach", superuser || !beyond,
           new_rules ? "the role is no superuser, or the rotator is one"
                     : "the role has neither SUPERUSER, REPLICATION nor BYPASSRLS, or the rotator "
                       "is a superuser",
           "rotate this role with a target whose principal is a superuser");
    if (!new_rules) {
        return;
    }
    snprintf(hint, sizeof hint, "GRANT %s TO %s WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;",
             n->quoted_role, n->quoted_self);
    report(reply, "admin_option", superuser || holds(facts, SELF_HAS_ADMIN_OPTION),
           holds(facts, SELF_INHERITS) && !superuser
               ? "the rotator has the ADMIN OPTION on the role (it also has the role's own rights, "
                 "which it doesn't need: WITH INHERIT FALSE)"
               : "the rotator has the ADMIN OPTION on the role",
           hint);
}

static void check_permission(const struct names *n, const PGresult *facts,
                             struct rotunda_reply *reply)
{
    char hint[HINT_BYTES];
    snprintf(hint, sizeof hint, "ALTER ROLE %s CREATEROLE;", n->quoted_self);
    report(reply, "may_create_role", holds(facts, SELF_SUPERUSER) || holds(facts, SELF_CREATEROLE),
           "the rotator has CREATEROLE, which altering and commenting on roles takes", hint);
    snprintf(hint, sizeof hint, "ALTER ROLE %s VALID UNTIL 'infinity';", n->quoted_self);
    report(reply, "rotator_does_not_end", !holds(facts, SELF_ENDS),
           "the rotator's own role has no VALID UNTIL", hint);
    // Everybody may change his own password.
    if (holds(facts, ROLE_EXISTS) && !holds(facts, ROLE_IS_SELF)) {
        check_reach(n, facts, reply);
    }
}

static void check_pair(const struct pglogin *session, int64_t deadline_ms, const struct names *n,
                       struct rotunda_reply *reply)
{
    const char *values[] = {n->role, n->owner, n->pair};
    __attribute__((cleanup(pglogin_result_clear))) PGresult *facts =
        pglogin_run(session, deadline_ms, pair_query, (struct pglogin_parameters){values, 3});
    if (PQresultStatus(facts) != PGRES_TUPLES_OK || PQntuples(facts) != 1) {
        reply->add_check(reply, &(struct rotunda_check){"pair_role_exists", ROTUNDA_CHECK_UNKNOWN,
                                                        "the server could not be asked", ""});
        return;
    }
    char hint[HINT_BYTES];
    snprintf(hint, sizeof hint, "CREATE ROLE %s LOGIN;", n->quoted_pair);
    report(reply, "pair_role_exists", strcmp(PQgetvalue(facts, 0, 0), "t") == 0,
           "the other role of the pair exists and may log in", hint);
    snprintf(hint, sizeof hint, "CREATE ROLE %s NOLOGIN;", n->quoted_owner);
    report(reply, "owner_role_exists", strcmp(PQgetvalue(facts, 0, 1), "t") == 0,
           "the role that owns the pair's objects exists", hint);
    snprintf(hint, sizeof hint, "GRANT %s TO %s, %s;", n->quoted_owner, n->quoted_role,
             n->quoted_pair);
    report(reply, "pair_members_of_owner", strcmp(PQgetvalue(facts, 0, 2), "t") == 0,
           "both roles are members of the owner role", hint);
    snprintf(hint, sizeof hint, "ALTER ROLE %s SET role = %s; ALTER ROLE %s SET role = %s;",
             n->quoted_role, n->quoted_owner, n->quoted_pair, n->quoted_owner);
    report(reply, "pair_acts_as_owner", strcmp(PQgetvalue(facts, 0, 3), "t") == 0,
           "sessions of both act as the owner role, so that what they create belongs to it", hint);
}

static void tell_self(const struct pglogin *session, int64_t deadline_ms,
                      struct rotunda_reply *reply)
{
    __attribute__((cleanup(pglogin_result_clear))) PGresult *self =
        pglogin_run(session, deadline_ms, self_query, (struct pglogin_parameters){0});
    if (PQresultStatus(self) == PGRES_TUPLES_OK && PQntuples(self) == 1) {
        snprintf(reply->principal_id, sizeof reply->principal_id, "%s", PQgetvalue(self, 0, 0));
    }
}

// A wrong password must be refused, or no probe on this route can ever prove anything.
static void check_route(const struct pglogin_route *route, const char *role,
                        struct rotunda_reply *reply)
{
    __attribute__((cleanup(pglogin_close))) struct pglogin decoy = {.connection = NULL};
    __attribute__((cleanup(lent_cleanup))) char *password = lent_random_hex(DECOY_OCTETS);
    if (password == NULL) {
        return;
    }
    struct rotunda_bytes lent = {(const uint8_t *)password, strlen(password)};
    report(reply, "wrong_password_refused",
           pglogin_try(route, role, lent, &decoy) == PGLOGIN_REFUSED,
           "the server refuses a wrong password for this role",
           "use the method scram-sha-256 for this role and the rotator's address in pg_hba.conf");
}

enum rotunda_error postgresql_check(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    struct names n = {.role = ""};
    struct pglogin_route route;
    __attribute__((cleanup(pglogin_close))) struct pglogin session = {.connection = NULL};
    if (!read_names(call, &n)) {
        return call_fail(reply, ROTUNDA_ERROR_INVALID, "role names have 1 to 63 octets");
    }
    if (!pglogin_route_read(call, &route, reply)) {
        return reply->error;
    }
    bool open = pglogin_as_rotator(call, &route, &session, reply);
    const char *how = route.by_certificate ? "the rotator may log in, with its certificate"
                                           : "the rotator may log in, with its password";
    report(reply, "rotator_may_login", open, open ? how : reply->message,
           "check the target's host, principal and secret, and pg_hba.conf");
    if (!open) {
        return reply->error;
    }
    const char *values[] = {n.role};
    __attribute__((cleanup(pglogin_result_clear))) PGresult *facts = pglogin_run(
        &session, route.deadline_ms, facts_query, (struct pglogin_parameters){values, 1});
    if (PQresultStatus(facts) != PGRES_TUPLES_OK || PQntuples(facts) != 1 ||
        !quote_names(session.connection, &n)) {
        return call_fail(reply, ROTUNDA_ERROR_UNREACHABLE, "the server could not be asked");
    }
    tell_self(&session, route.deadline_ms, reply);
    check_server(&session, facts, reply);
    check_role(call, &n, facts, reply);
    check_permission(&n, facts, reply);
    if (holds(facts, ROLE_EXISTS)) {
        check_route(&route, n.role, reply);
    }
    if (n.pair[0] != '\0') {
        check_pair(&session, route.deadline_ms, &n, reply);
    }
    return ROTUNDA_ERROR_NONE;
}
