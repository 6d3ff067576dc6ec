// SPDX-License-Identifier: ISC
// The connection_url of a PostgreSQL connection: a libpq URI (PostgreSQL 15, section 34.1.1.2) as
// Vault's users write it, with placeholders where user name and password belong:
//
//     postgresql://{{username}}:{{password}}@db.internal:5432/orders?sslmode=verify-full
//
// Strict: what the rotator wouldn't do as written is refused, with what to write instead.
#pragma once

#include "vault/base/arena.h"

enum { DATABASE_URL_BYTES = 2048 };

// Settings of the rotator postgresql. Empty: not given. In the arena.
struct database_url {
    struct str host; // or the folder of a unix socket
    struct str port;
    struct str database;
    struct str ca_file;
    struct str socket_owner;
};

// INVALID with a literal that says what is wrong; `*parameter` is the query parameter that it is
// about, empty for none. NOMEM.
struct status database_url_parse(struct str url, struct arena *arena, struct database_url *out,
                                 struct str *parameter);
