// SPDX-License-Identifier: ISC
// What a failed statement means, by SQLSTATE alone (PostgreSQL 15, appendix A). Message texts are
// neither read nor logged: they may quote values.
#pragma once

#include <libpq-fe.h>

#include "vault/base/status.h"

struct status sqlstate_to_status(const char *sqlstate); // NULL: the connection was lost
// OK for a result that holds rows or says "done"; otherwise logs SQLSTATE and statement name.
struct status sqlstate_check(const PGresult *res, const char *statement);
