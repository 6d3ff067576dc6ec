// SPDX-License-Identifier: ISC
// Only for the files of this folder.
#pragma once

#include <libpq-fe.h>

#include "vault/store/session.h"

// Moves the connection out and frees the session.
PGconn *session_take_connection(struct session *s);
