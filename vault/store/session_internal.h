// SPDX-License-Identifier: ISC
// Only for the files of this folder.
#pragma once

#include <libpq-fe.h>

#include "vault/store/session.h"

// Moves the connection out and frees the session.
PGconn *session_take_connection(struct session *s);
// One without parameters.
struct status session_prepare(struct session *s, const struct store_statement *statement);
// No statement and no wait for a lock is ended by the server: for migrations.
struct status session_take_time_for_good(struct session *s);
