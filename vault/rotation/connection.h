// SPDX-License-Identifier: ISC
// What a mount of type database says about a target beside what the engine needs: the connection
// URL as it was given, and which static roles may use it. Rows of database_connection, one for each
// target of such a mount. Text is borrowed from the rows that it was read from.
#pragma once

#include "vault/rotation/target.h"

struct connection {
    struct uuid target;
    int64_t namespace_id;
    struct str url;                    // without user name and password
    struct json_strings allowed_roles; // globs; none allows none
    bool verify;                       // the target is asked whenever the connection is changed
    int64_t row_version;               // 0: not stored yet
};
enum { CONNECTION_ROLES_MAX = 1000 };

struct connection_found {
    struct store_rows rows;
    struct connection connection;
};
void connection_found_done(struct connection_found *f); // for CLEANUP

// On a fiber. INTEGRITY when the row was altered or isn't there: each target of such a mount has
// one.
struct status connection_find(struct operation *op, struct uuid target,
                              struct connection_found *out);
// Both rows in one transaction. CONFLICT when someone else came first, or the principal is an
// account that is in care. `new_secret` as for target_store().
struct status connection_store(struct operation *op, const struct target *t,
                               const struct connection *c, bool new_secret);
// May a static role of this name use it?
bool connection_allows(const struct connection *c, struct str role);
