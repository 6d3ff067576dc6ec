// SPDX-License-Identifier: ISC
#include "rotators/postgresql/pglogin.h"

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "rotators/common/lent.h"

// Nothing that a role of the target could have put into another schema gets called, a session that
// is paused in its transaction loses it, and warnings reach us (see apply.c).
#define SESSION_OPTIONS                                                                            \
    "-c search_path=pg_catalog -c client_min_messages=warning -c lock_timeout=5000 "               \
    "-c statement_timeout=30000 -c idle_in_transaction_session_timeout=15000"

enum { SETTINGS_BYTES = 512 };

bool pglogin_route_read(const struct rotunda_call *call, struct pglogin_route *out,
                        struct rotunda_reply *reply)
{
    *out = (struct pglogin_route){.deadline_ms = call_deadline_ms(call)};
    bool fits =
        call_target_copy(call, "host", "", out->host) &&
        call_target_copy(call, "port", "5432", out->port) &&
        call_target_copy(call, "database", "postgres", out->database) &&
        call_target_copy(call, "ca_file", "/etc/ssl/certs/ca-certificates.crt", out->ca_file) &&
        call_target_copy(call, "socket_owner", "postgres", out->socket_owner);
    if (!fits || out->host[0] == '\0') {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "target setting host is missing, or one too long");
        return false;
    }
    out->socket = out->host[0] == '/';
    return true;
}

struct options {
    const char *names[24];
    const char *values[24];
    size_t count;
};

static void option(struct options *o, const char *name, const char *value)
{
    o->names[o->count] = name;
    o->values[o->count] = value;
    o->count++;
}

static PGconn *start(const struct pglogin_route *route, const char *role, const char *password)
{
    struct options o = {.count = 0};
    bool carries = route->verifier != NULL && route->verifier[0] != '\0';
    char settings[SETTINGS_BYTES];
    snprintf(settings, sizeof settings, "%s%s%s", SESSION_OPTIONS,
             carries ? " -c rotunda.verifier=" : "", carries ? route->verifier : "");
    option(&o, "host", route->host);
    option(&o, "port", route->port);
    option(&o, "dbname", route->database);
    option(&o, "user", role);
    option(&o, "password", password);
    option(&o, "passfile", "/dev/null");
    option(&o, "gssencmode", "disable");
    option(&o, "client_encoding", "UTF8");
    option(&o, "application_name", "rotunda");
    option(&o, "options", settings);
    if (route->address[0] != '\0') {
        option(&o, "hostaddr", route->address);
    } else {
        option(&o, "target_session_attrs", "primary");
    }
    if (route->socket) {
        option(&o, "requirepeer", route->socket_owner);
    } else {
        // On loopback too: whoever got the port first may ask for the password in clear text, and
        // libpq 15 only refuses that where channel binding is required.
        option(&o, "sslmode", "verify-full");
        option(&o, "sslrootcert", route->ca_file);
        option(&o, "channel_binding", "require");
    }
    PGconn *connection = PQconnectStartParams(o.names, o.values, 0);
    sodium_memzero(settings, sizeof settings);
    return connection;
}

// False when the deadline passes first.
static bool wait_socket(PGconn *connection, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - call_now_ms();
        struct pollfd p = {.fd = PQsocket(connection), .events = events};
        if (left <= 0 || p.fd < 0) {
            return false;
        }
        int ready = poll(&p, 1, left > 1000 ? 1000 : (int)left);
        if (ready > 0) {
            return true;
        }
    }
}

static bool finish_connecting(PGconn *connection, int64_t deadline_ms)
{
    for (;;) {
        PostgresPollingStatusType step = PQconnectPoll(connection);
        if (step == PGRES_POLLING_OK || step == PGRES_POLLING_FAILED) {
            return step == PGRES_POLLING_OK;
        }
        short events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_socket(connection, events, deadline_ms)) {
            return false;
        }
    }
}

static bool is_state_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

// libpq gives no error fields for a failed login. At verbosity SQLSTATE it writes what the server
// sent as "<severity>:  <state>\n" and nothing else; its own complaints never end in that form.
static void read_connect_state(PGconn *connection, char out[PGERROR_BYTES])
{
    const char *text = PQerrorMessage(connection);
    size_t len = strlen(text);
    if (len < 9 || text[len - 1] != '\n' || memcmp(text + len - 9, ":  ", 3) != 0) {
        return;
    }
    const char *state = text + len - 6;
    for (size_t i = 0; i < PGERROR_BYTES - 1; i++) {
        if (!is_state_character(state[i])) {
            return;
        }
    }
    memcpy(out, state, PGERROR_BYTES - 1);
    out[PGERROR_BYTES - 1] = '\0';
}

static enum pglogin_outcome refusal(const struct pglogin *l)
{
    if (pgerror_is(l->state, PGERROR_PASSWORD)) {
        return PGLOGIN_REFUSED;
    }
    return l->password_used && pgerror_accepts_password(l->state) ? PGLOGIN_ACCEPTED
                                                                  : PGLOGIN_FAILED;
}

enum pglogin_outcome pglogin_try(const struct pglogin_route *route, const char *role,
                                 struct rotunda_bytes password, struct pglogin *out)
{
    *out = (struct pglogin){.connection = NULL};
    __attribute__((cleanup(lent_cleanup))) char *copy = lent_copy(password);
    if (copy == NULL) {
        return PGLOGIN_FAILED;
    }
    PGconn *connection = start(route, role, copy);
    if (connection == NULL) {
        return PGLOGIN_FAILED;
    }
    PQsetErrorVerbosity(connection, PQERRORS_SQLSTATE);
    bool open =
        PQstatus(connection) != CONNECTION_BAD && finish_connecting(connection, route->deadline_ms);
    out->password_used = PQconnectionUsedPassword(connection) == 1;
    out->secured = PQsslInUse(connection) == 1;
    if (open) {
        out->connection = connection;
        return PGLOGIN_OPEN;
    }
    read_connect_state(connection, out->state);
    PQfinish(connection);
    return refusal(out);
}

void pglogin_close(struct pglogin *l)
{
    PQfinish(l->connection);
    l->connection = NULL;
}

static bool pin(struct pglogin_route *route, const struct pglogin *l, struct rotunda_reply *reply)
{
    const char *address = PQhostaddr(l->connection);
    // Several hosts may be listed; the session says which of them answered.
    snprintf(route->host, sizeof route->host, "%s", PQhost(l->connection));
    snprintf(route->port, sizeof route->port, "%s", PQport(l->connection));
    if (!route->socket && (address == NULL || address[0] == '\0')) {
        call_fail(reply, ROTUNDA_ERROR_UNTRUSTED, "the server's address is not known");
        return false;
    }
    snprintf(route->address, sizeof route->address, "%s", route->socket ? "" : address);
    return true;
}

bool pglogin_as_rotator(const struct rotunda_call *call, struct pglogin_route *route,
                        struct pglogin *out, struct rotunda_reply *reply)
{
    char principal[PGLOGIN_NAME_BYTES];
    *out = (struct pglogin){.connection = NULL};
    if (!call_text_copy(call->target.principal, principal, sizeof principal) ||
        principal[0] == '\0') {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "the target's principal is missing or too long");
        return false;
    }
    if (pglogin_try(route, principal, call->target.secret, out) != PGLOGIN_OPEN) {
        call_fail(reply, pgerror_class(out->state), "the rotator's own login failed (SQLSTATE %s)",
                  out->state[0] == '\0' ? "none: connection, TLS or peer" : out->state);
        return false;
    }
    if (!route->socket && !out->password_used) {
        call_fail(reply, ROTUNDA_ERROR_UNTRUSTED,
                  "the server let the rotator in without asking for its password");
        pglogin_close(out);
        return false;
    }
    if (!pin(route, out, reply)) {
        pglogin_close(out);
        return false;
    }
    return true;
}

static bool wait_result(PGconn *connection, int64_t deadline_ms)
{
    while (PQisBusy(connection)) {
        if (!wait_socket(connection, POLLIN, deadline_ms) || !PQconsumeInput(connection)) {
            return false;
        }
    }
    return true;
}

PGresult *pglogin_run(const struct pglogin *l, int64_t deadline_ms, const char *sql,
                      struct pglogin_parameters parameters)
{
    if (!PQsendQueryParams(l->connection, sql, parameters.count, NULL, parameters.values, NULL,
                           NULL, 0)) {
        return NULL;
    }
    PGresult *last = NULL;
    while (wait_result(l->connection, deadline_ms)) {
        PGresult *next = PQgetResult(l->connection);
        if (next == NULL) {
            return last;
        }
        PQclear(last);
        last = next;
    }
    PQclear(last);
    return NULL;
}

void pglogin_result_state(const PGresult *result, char out[PGERROR_BYTES])
{
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(out, PGERROR_BYTES, "%s", state == NULL ? "" : state);
}

void pglogin_result_clear(PGresult **result)
{
    PQclear(*result);
}
