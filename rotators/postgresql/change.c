// SPDX-License-Identifier: ISC
// Changing a role: one transaction that checks the fence, alters the role and writes the fence.
#include "rotators/postgresql/operations.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "rotators/postgresql/pglogin.h"
#include "rotators/postgresql/verifier.h"

// ALTER ROLE takes no parameters: values arrive through set_config($n, true) and are quoted by
// format() on the server. The lock orders attempts on one role. The fence stands at the end of the
// role's comment, whose own text is kept; on itself no role but a superuser may comment since
// PostgreSQL 16, so that a rotator's own fence stands in its own default application_name, which
// means nothing to a session of ours: those name themselves.
//
// The verifier is no parameter: log_statement and log_min_duration_statement write those to the
// server's log. It is set in the session's start packet, which nothing logs, and the error of the
// one statement that holds it is replaced, because its context would quote it. Where the rotator
// may, it keeps pg_stat_statements from counting that statement (since 15 that can be granted).
static const char change_block[] =
    "DO $rotunda$\n"
    "DECLARE\n"
    "  role_name text := current_setting('rotunda.role');\n"
    "  verifier text := nullif(current_setting('rotunda.verifier', true), '');\n"
    "  valid_until text := current_setting('rotunda.valid_until');\n"
    "  fence bigint := current_setting('rotunda.fence')::bigint;\n"
    "  pattern CONSTANT text := ' ?\\[rotunda fence (\\d+)\\]$';\n"
    "  own CONSTANT boolean := role_name = session_user;\n"
    "  role_oid oid;\n"
    "  note text;\n"
    "BEGIN\n"
    "  IF current_setting('default_transaction_read_only')::boolean THEN\n"
    "    RAISE EXCEPTION 'this server is set to be read' USING ERRCODE = '25006';\n"
    "  END IF;\n"
    "  PERFORM pg_advisory_xact_lock(1381323860, hashtext(role_name));\n"
    "  SELECT r.oid, CASE WHEN own THEN coalesce((SELECT substring(c FROM 18) FROM\n"
    "      unnest(r.rolconfig) c WHERE starts_with(c, 'application_name=')), '')\n"
    "      ELSE coalesce(shobj_description(r.oid, 'pg_authid'), '') END\n"
    "    INTO role_oid, note FROM pg_roles r WHERE r.rolname = role_name;\n"
    "  IF role_oid IS NULL THEN\n"
    "    RAISE EXCEPTION 'no such role' USING ERRCODE = 'RT404';\n"
    "  END IF;\n"
    "  IF substring(note from pattern)::bigint > fence THEN\n"
    "    RAISE EXCEPTION 'a later attempt was here' USING ERRCODE = 'RT409';\n"
    "  END IF;\n"
    "  IF current_setting('server_version_num')::int >= 150000 THEN\n"
    "    IF has_parameter_privilege('pg_stat_statements.track', 'SET') THEN\n"
    "      PERFORM set_config('pg_stat_statements.track', 'none', true);\n"
    "    END IF;\n"
    "  END IF;\n"
    "  BEGIN\n"
    "    EXECUTE format('ALTER ROLE %I PASSWORD %L', role_name, verifier);\n"
    "  EXCEPTION WHEN OTHERS OR query_canceled THEN\n"
    "    RAISE EXCEPTION 'the password was refused' USING ERRCODE = SQLSTATE;\n"
    "  END;\n"
    "  IF valid_until <> '' THEN\n"
    "    EXECUTE format('ALTER ROLE %I VALID UNTIL %L', role_name, valid_until);\n"
    "  END IF;\n"
    "  note := CASE WHEN own THEN '' ELSE regexp_replace(note, pattern, '') END;\n"
    "  IF note <> '' THEN\n"
    "    note := note || ' ';\n"
    "  END IF;\n"
    "  EXECUTE format(CASE WHEN own THEN 'ALTER ROLE %I SET application_name = %L'\n"
    "                 ELSE 'COMMENT ON ROLE %I IS %L' END, role_name,\n"
    "                 format('%s[rotunda fence %s]', note, fence));\n"
    "END\n"
    "$rotunda$";

static const char set_values[] =
    "SELECT set_config('rotunda.role', $1, true), set_config('rotunda.valid_until', $2, true),"
    " set_config('rotunda.fence', $3, true)";

struct change {
    char role[PGLOGIN_NAME_BYTES];
    char verifier[VERIFIER_BYTES]; // "" removes the password
    char valid_until[40];          // "" leaves it alone
    char fence[24];
};

enum { TIME_BYTES = 40 };

static bool format_time(int64_t wall_us, char out[TIME_BYTES])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm utc;
    return gmtime_r(&seconds, &utc) != NULL &&
           strftime(out, TIME_BYTES, "%Y-%m-%d %H:%M:%S+00", &utc) > 0;
}

// The session's own password is changed only when the engine says that it knows.
static bool may_touch(const struct rotunda_call *call)
{
    return !call_text_equal(call->account.name, call->target.principal) ||
           call_text_is(call_account_setting(call, "self_rotation"), "true");
}

// The account's setting valid_until: the credential's own end, so that the server refuses the
// password when nobody is left to end it.
static bool read_valid_until(const struct rotunda_call *call, struct change *out,
                             struct rotunda_reply *reply)
{
    struct rotunda_text wanted = call_account_setting(call, "valid_until");
    if (wanted.len == 0 || call_text_is(wanted, "leave")) {
        return true;
    }
    if (!call_text_is(wanted, "expiry")) {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "valid_until: expected leave or expiry");
        return false;
    }
    if (call->value.valid_until_us == 0) {
        snprintf(out->valid_until, sizeof out->valid_until, "infinity");
        return true;
    }
    if (!format_time(call->value.valid_until_us, out->valid_until)) {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "expires_at is out of range");
        return false;
    }
    return true;
}

static bool read_change(const struct rotunda_call *call, struct change *out,
                        struct rotunda_reply *reply)
{
    *out = (struct change){.valid_until = ""};
    if (!call_text_copy(call->account.name, out->role, sizeof out->role) || out->role[0] == '\0') {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "a role's name has 1 to 63 octets");
        return false;
    }
    if (strncmp(out->role, "pg_", strlen("pg_")) == 0) {
        call_fail(reply, ROTUNDA_ERROR_INVALID,
                  "names that begin with pg_ are the server's own: such a role can't be altered");
        return false;
    }
    if (!may_touch(call)) {
        call_fail(reply, ROTUNDA_ERROR_INVALID,
                  "the role is the rotator's own: the target's username must be another role");
        return false;
    }
    if (call->fence < 0) {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "a fence is not negative");
        return false;
    }
    snprintf(out->fence, sizeof out->fence, "%lld", (long long)call->fence);
    return read_valid_until(call, out, reply);
}

// A cancelled wait for a synchronous replica commits here alone and says so in a warning.
static void note_warning(void *arg, const PGresult *notice)
{
    bool *warned = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    *warned = *warned || (severity != NULL && strcmp(severity, "WARNING") == 0);
}

// Every failure before COMMIT was sent means that nothing changed: the server rolls back.
static bool step(const struct pglogin *l, int64_t deadline_ms, const char *sql,
                 struct pglogin_parameters parameters, struct rotunda_reply *reply)
{
    char state[PGERROR_BYTES];
    __attribute__((cleanup(pglogin_result_clear))) PGresult *result =
        pglogin_run(l, deadline_ms, sql, parameters);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        return true;
    }
    pglogin_result_state(result, state);
    call_fail(reply, pgerror_class(state),
              "the change was refused and nothing changed (SQLSTATE %s)%s",
              state[0] == '\0' ? "none: connection or time lost" : state, pgerror_hint(state));
    return false;
}

static enum rotunda_apply commit(const struct pglogin *l, int64_t deadline_ms,
                                 struct rotunda_reply *reply)
{
    bool warned = false;
    PQsetNoticeReceiver(l->connection, note_warning, &warned);
    __attribute__((cleanup(pglogin_result_clear))) PGresult *result =
        pglogin_run(l, deadline_ms, "COMMIT", (struct pglogin_parameters){NULL, 0});
    PQsetNoticeReceiver(l->connection, NULL, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK || warned) {
        call_fail(reply, ROTUNDA_ERROR_UNKNOWN_OUTCOME, "the server's answer to COMMIT was %s",
                  warned ? "a warning: a replica may lack it" : "lost");
        return ROTUNDA_APPLY_UNKNOWN;
    }
    if (strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_UNREACHABLE, "the server rolled back");
    }
    return ROTUNDA_APPLY_APPLIED;
}

static enum rotunda_apply run_change(const struct rotunda_call *call, const struct change *c,
                                     struct rotunda_reply *reply)
{
    struct pglogin_route route;
    __attribute__((cleanup(pglogin_close))) struct pglogin session = {.connection = NULL};
    if (!pglogin_route_read(call, &route, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    route.verifier = c->verifier;
    if (!pglogin_as_rotator(call, &route, &session, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    const char *values[] = {c->role, c->valid_until, c->fence};
    struct pglogin_parameters none = {NULL, 0};
    bool ready =
        step(&session, route.deadline_ms, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", none,
             reply) &&
        step(&session, route.deadline_ms, set_values,
             (struct pglogin_parameters){values, (int)(sizeof values / sizeof values[0])}, reply) &&
        step(&session, route.deadline_ms, change_block, none, reply);
    return ready ? commit(&session, route.deadline_ms, reply) : ROTUNDA_APPLY_NOT_APPLIED;
}

enum rotunda_apply postgresql_apply(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    struct change c;
    if (!read_change(call, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    if (!verifier_make(call->value.secret, call->value.salt, c.verifier)) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID,
                                "a password is printable ASCII, its salt 16 to 64 octets");
    }
    enum rotunda_apply result = run_change(call, &c, reply);
    sodium_memzero(&c, sizeof c);
    return result;
}

enum rotunda_apply postgresql_revoke(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    struct change c;
    if (!read_change(call, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    c.valid_until[0] = '\0';
    return run_change(call, &c, reply);
}
