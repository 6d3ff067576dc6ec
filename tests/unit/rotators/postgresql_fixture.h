// SPDX-License-Identifier: ISC
// A PostgreSQL server with the role `rotator` (CREATEROLE) as the target's principal.
#pragma once

#include <libpq-fe.h>

#include "rotunda/rotator.h"
#include "tests/support/test.h"

#define ROTATOR_PASSWORD "rotator-own-password"
#define OLD_PASSWORD "old-app-password-91c7"
#define NEW_PASSWORD "new-app-password-4e02"

struct server {
    PGconn *superuser;
    struct rotunda_setting settings[8];
    size_t setting_count;
};

// Fresh roles: `rotator`, and `app` with OLD_PASSWORD and a comment of its own.
int server_setup(void **state);
int server_teardown(void **state);

// One statement or several as the superuser; and one that yields one value, in static memory.
void server_do(const struct server *s, const char *sql);
const char *server_value(const struct server *s, const char *sql);
bool server_log_contains(const char *text);
const char *server_user(void); // that it runs as

struct rotunda_text text_of(const char *c);
struct rotunda_bytes octets_of(const char *c);

void server_set(struct server *s, const char *name, const char *value);
// A call on the role, fence 17, with a salt of its own and ten seconds.
struct rotunda_call server_call(const struct server *s, const char *role, const char *password);

// What a rotator added to its reply.
struct collected {
    struct rotunda_reply reply;
    char missing[512]; // names of checks, each followed by a blank
    char hints[1536];
    char steps[1024];
    int checks;
};
void collected_init(struct collected *c);

enum rotunda_apply do_apply(const struct rotunda_call *call, enum rotunda_error *error);
enum rotunda_probe do_probe(const struct server *s, const char *role, const char *password,
                            enum rotunda_error *error);
