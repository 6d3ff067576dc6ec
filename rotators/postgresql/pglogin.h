// SPDX-License-Identifier: ISC
// Logging in to the target and running statements there, each bounded by a deadline. The only user
// of libpq's connection calls here.
//
// Over TCP: TLS 1.2 or later with the server's name checked and SCRAM bound to that channel, so
// that nobody in between is told a password; with a client certificate where the target has one.
// Over a unix socket: the server must run as `socket_owner`. No password file, no service file, no
// environment.
#pragma once

#include <libpq-fe.h>

#include "rotators/common/call.h"
#include "rotators/postgresql/pgerror.h"

enum {
    PGLOGIN_NAME_BYTES = 64, // the server silently cuts longer names
    PGLOGIN_FILE_BYTES = 256,
};

// Where logins go. Once a session with the primary is open, `address` pins that very server for
// every further login of this call.
struct pglogin_route {
    char host[CALL_TEXT_BYTES];
    char address[CALL_TEXT_BYTES]; // "" until pinned
    char port[CALL_TEXT_BYTES];
    char database[CALL_TEXT_BYTES];
    char ca_file[PGLOGIN_FILE_BYTES];
    char client_cert_file[PGLOGIN_FILE_BYTES]; // "": none is shown
    char client_key_file[PGLOGIN_FILE_BYTES];
    char socket_owner[PGLOGIN_FILE_BYTES];
    bool socket;         // host is the folder of a unix socket
    bool by_certificate; // the rotator itself has no password: its certificate logs it in
    bool any_server;     // a standby will do; only to find out what a server is
    int64_t deadline_ms;
    const char *verifier; // becomes the session's setting rotunda.verifier; NULL or "" for none
};

enum pglogin_outcome {
    PGLOGIN_OPEN = 1, // a session
    PGLOGIN_ACCEPTED, // the password was accepted, then the session refused
    PGLOGIN_REFUSED,  // 28P01
    PGLOGIN_FAILED,   // anything else: `state`
};

struct pglogin {
    PGconn *connection; // NULL unless open
    bool password_used;
    bool secured; // TLS stood, with the server's name checked, even if the login failed then
    char state[PGERROR_BYTES]; // "" when the server said nothing
};

// False with reply filled in: the settings are wrong.
bool pglogin_route_read(const struct rotunda_call *call, struct pglogin_route *out,
                        struct rotunda_reply *reply);

// `role` is at most PGLOGIN_NAME_BYTES with its NUL. Release with pglogin_close() in every case.
enum pglogin_outcome pglogin_try(const struct pglogin_route *route, const char *role,
                                 struct rotunda_bytes password, struct pglogin *out);
void pglogin_close(struct pglogin *l); // also for __attribute__((cleanup))

// The rotator's own session, on the primary; pins the route. False with reply filled in.
bool pglogin_as_rotator(const struct rotunda_call *call, struct pglogin_route *route,
                        struct pglogin *out, struct rotunda_reply *reply);

struct pglogin_parameters {
    const char *const *values;
    int count;
};

// Runs one statement and waits for it until the deadline. NULL when the connection or the time was
// lost; PQclear() the result.
PGresult *pglogin_run(const struct pglogin *l, int64_t deadline_ms, const char *sql,
                      struct pglogin_parameters parameters);
// "" when the result is NULL or has none.
void pglogin_result_state(const PGresult *result, char out[PGERROR_BYTES]);
void pglogin_result_clear(PGresult **result); // for __attribute__((cleanup))
