// SPDX-License-Identifier: ISC
// What a SQLSTATE means for a rotation (PostgreSQL manual, appendix A). Message text never decides:
// it depends on the server's language.
#pragma once

#include <stdbool.h>

#include "rotunda/rotator.h"

enum { PGERROR_BYTES = 6 };

#define PGERROR_PASSWORD "28P01"
// Raised by our own block.
#define PGERROR_FENCED "RT409"
#define PGERROR_NO_ROLE "RT404"

bool pgerror_is(const char *state, const char *expected);

// Refusals of a login that come after the password was accepted: no such database, no right to
// connect to it, too many connections. The last is also said before any password is asked for: look
// at PQconnectionUsedPassword too.
bool pgerror_accepts_password(const char *state);

// The class of an error of a statement, or of a login by the rotator itself. "" stands for an error
// without SQLSTATE: the connection.
enum rotunda_error pgerror_class(const char *state);

// What it is about and what to do, to go behind the number: ": ..."; "" when there is nothing to
// say.
const char *pgerror_hint(const char *state);
