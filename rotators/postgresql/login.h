// SPDX-License-Identifier: ISC
// Logging in to the target and running statements there, each bounded by a deadline. The only user
// of libpq's connection calls here.
//
// Over TCP: TLS with the server's name checked and SCRAM bound to that channel, so that nobody in
// between is told a password. Over a unix socket: the server must run as `socket_owner`. No
// password file, no service file, no environment.
#pragma once

#include <libpq-fe.h>

#include "rotators/common/call.h"
#include "rotators/postgresql/sqlstate.h"

enum { LOGIN_NAME_BYTES = 64 }; // the server silently cuts longer names

// Where logins go. Once a session with the primary is open, `address` pins that very server for
// every further login of this call.
struct login_route {
    char host[CALL_TEXT_BYTES];
    char address[CALL_TEXT_BYTES]; // "" until pinned
    char port[CALL_TEXT_BYTES];
    char database[CALL_TEXT_BYTES];
    char ca_file[CALL_TEXT_BYTES];
    char socket_owner[CALL_TEXT_BYTES];
    bool socket; // host is the folder of a unix socket
    bool plain;  // TLS off: loopback only
    int64_t deadline_ms;
};

enum login_outcome {
    LOGIN_OPEN = 1, // a session
    LOGIN_ACCEPTED, // the password was accepted, then the session refused
    LOGIN_REFUSED,  // 28P01
    LOGIN_FAILED,   // anything else: `state`
};

struct login {
    PGconn *connection; // NULL unless open
    bool password_used;
    bool secured; // TLS stood, with the server's name checked, even if the login failed then
    char state[SQLSTATE_BYTES]; // "" when the server said nothing
};

// False with reply filled in: the settings are wrong.
bool login_route_read(const struct rotunda_call *call, struct login_route *out,
                      struct rotunda_reply *reply);

// `role` is at most LOGIN_NAME_BYTES with its NUL. Release with login_close() in every case.
enum login_outcome login_try(const struct login_route *route, const char *role,
                             struct rotunda_bytes password, struct login *out);
void login_close(struct login *l); // also for __attribute__((cleanup))

// The rotator's own session, on the primary; pins the route. False with reply filled in.
bool login_as_rotator(const struct rotunda_call *call, struct login_route *route, struct login *out,
                      struct rotunda_reply *reply);

struct login_parameters {
    const char *const *values;
    int count;
};

// Runs one statement and waits for it until the deadline. NULL when the connection or the time was
// lost; PQclear() the result.
PGresult *login_run(const struct login *l, int64_t deadline_ms, const char *sql,
                    struct login_parameters parameters);
// "" when the result is NULL or has none.
void login_result_state(const PGresult *result, char out[SQLSTATE_BYTES]);
void login_result_clear(PGresult **result); // for __attribute__((cleanup))
