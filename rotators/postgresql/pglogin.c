// SPDX-License-Identifier: ISC
#include "rotators/postgresql/pglogin.h"

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "rotators/common/lent.h"
#include "rotators/postgresql/pgfiles.h"

// Nothing that a role of the target could have put into another schema gets called, a session that
// is paused in its transaction loses it, and warnings reach us (see apply.c).
#define SESSION_OPTIONS                                                                            \
    "-c search_path=pg_catalog -c client_min_messages=warning -c lock_timeout=5000 "               \
    "-c statement_timeout=30000 -c idle_in_transaction_session_timeout=15000"

#define SYSTEM_CERTIFICATES "/etc/ssl/certs/ca-certificates.crt"
// For libpq "" is its own default, a file in the user's home: this is none.
#define NO_FILE "/dev/null/none"

enum { SETTINGS_BYTES = 512 };

static bool copy_short(const struct rotunda_call *call, const char *name, const char *otherwise,
                       char out[PGLOGIN_FILE_BYTES])
{
    struct rotunda_text value = call_target_setting(call, name);
    if (value.len == 0) {
        value = (struct rotunda_text){otherwise, strlen(otherwise)};
    }
    return call_text_copy(value, out, PGLOGIN_FILE_BYTES);
}

static bool read_settings(const struct rotunda_call *call, struct pglogin_route *out)
{
    return call_target_copy(call, "host", "", out->host) &&
           call_target_copy(call, "port", "5432", out->port) &&
           call_target_copy(call, "database", "postgres", out->database) &&
           copy_short(call, "ca_file", SYSTEM_CERTIFICATES, out->ca_file) &&
           copy_short(call, "client_cert_file", "", out->client_cert_file) &&
           copy_short(call, "client_key_file", "", out->client_key_file) &&
           copy_short(call, "socket_owner", "postgres", out->socket_owner);
}

bool pglogin_route_read(const struct rotunda_call *call, struct pglogin_route *out,
                        struct rotunda_reply *reply)
{
    *out = (struct pglogin_route){.deadline_ms = call_deadline_ms(call)};
    if (!read_settings(call, out) || out->host[0] == '\0') {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "target setting host is missing, or one too long");
        return false;
    }
    out->socket = out->host[0] == '/';
    out->by_certificate = call->target.secret.len == 0;
    const char *wrong = pgfiles_wrong(out);
    if (wrong != NULL) {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "%s", wrong);
        return false;
    }
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

static void add_tls(struct options *o, const struct pglogin_route *route, const char *password)
{
    bool certificate = route->client_cert_file[0] != '\0';
    option(o, "sslmode", "verify-full");
    option(o, "ssl_min_protocol_version", "TLSv1.2");
    option(o, "sslrootcert", route->ca_file);
    option(o, "sslcrl", NO_FILE);
    option(o, "sslcert", certificate ? route->client_cert_file : NO_FILE);
    option(o, "sslkey", certificate ? route->client_key_file : NO_FILE);
    // On loopback too: whoever got the port first may ask for the password in clear text, and
    // libpq 15 only refuses that where channel binding is required. Without a password there is
    // nothing to tell, and nothing that could be bound.
    option(o, "channel_binding", password == NULL ? "disable" : "require");
}

// `password` NULL: none, the certificate is what logs in.
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
    if (password != NULL) {
        option(&o, "password", password);
    }
    option(&o, "passfile", "/dev/null");
    option(&o, "gssencmode", "disable");
    option(&o, "client_encoding", "UTF8");
    option(&o, "application_name", "rotunda");
    option(&o, "options", settings);
    if (route->address[0] != '\0') {
        option(&o, "hostaddr", route->address);
    } else if (!route->any_server) {
        option(&o, "target_session_attrs", "primary");
    }
    if (route->socket) {
        option(&o, "requirepeer", route->socket_owner);
    } else {
        add_tls(&o, route, password);
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

static enum pglogin_outcome log_in(PGconn *connection, int64_t deadline_ms, struct pglogin *out)
{
    if (connection == NULL) {
        return PGLOGIN_FAILED;
    }
    PQsetErrorVerbosity(connection, PQERRORS_SQLSTATE);
    bool open =
        PQstatus(connection) != CONNECTION_BAD && finish_connecting(connection, deadline_ms);
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

enum pglogin_outcome pglogin_try(const struct pglogin_route *route, const char *role,
                                 struct rotunda_bytes password, struct pglogin *out)
{
    *out = (struct pglogin){.connection = NULL};
    __attribute__((cleanup(lent_cleanup))) char *copy =
        password.len == 0 ? NULL : lent_copy(password);
    if (copy == NULL && password.len > 0) {
        return PGLOGIN_FAILED;
    }
    return log_in(start(route, role, copy), route->deadline_ms, out);
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

// libpq says nothing but "no" about a server that isn't the primary: one is asked what it is.
static bool only_a_standby(const struct rotunda_call *call, const struct pglogin_route *route,
                           const char *principal)
{
    struct pglogin_route any = *route;
    __attribute__((cleanup(pglogin_close))) struct pglogin l = {.connection = NULL};
    any.any_server = true;
    any.verifier = NULL;
    if (pglogin_try(&any, principal, call->target.secret, &l) != PGLOGIN_OPEN) {
        return false;
    }
    const char *standby = PQparameterStatus(l.connection, "in_hot_standby");
    return standby != NULL && strcmp(standby, "on") == 0;
}

static void explain_login(const struct rotunda_call *call, const struct pglogin_route *route,
                          const char *principal, const char *state, struct rotunda_reply *reply)
{
    if (state[0] == '\0' && only_a_standby(call, route, principal)) {
        call_fail(reply, ROTUNDA_ERROR_UNREACHABLE,
                  "the server is a read-only standby: passwords are changed on the primary, which "
                  "the target's host has to name (several hosts may be listed)");
        return;
    }
    call_fail(reply, pgerror_class(state), "the rotator's own login failed (SQLSTATE %s)%s",
              state[0] == '\0' ? "none: connection, TLS or peer" : state,
              pgerror_is(state, PGERROR_PASSWORD)
                  ? ": the server refuses its password, or its VALID UNTIL has passed"
                  : "");
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
        explain_login(call, route, principal, out->state, reply);
        return false;
    }
    if (!route->socket && !route->by_certificate && !out->password_used) {
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
