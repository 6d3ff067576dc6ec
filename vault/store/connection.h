// SPDX-License-Identifier: ISC
// Opening a libpq connection the way we want it: only for the files of this folder.
#pragma once

#include <libpq-fe.h>

#include "vault/store/session.h"

struct status connection_open(const struct store_config *config, PGconn **out);
// Encoding, version, pooler, identity.
struct status connection_inspect(PGconn *conn, const char *conninfo, struct store_identity *out);
