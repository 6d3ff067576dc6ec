// SPDX-License-Identifier: ISC
// The certificates to trust and those of the client, looked at before libpq does: it would say
// nothing that may be passed on, because its messages are in any language.
#pragma once

#include "rotators/postgresql/pglogin.h"

// What is wrong with the certificate's settings or files, one sentence with what to do; NULL:
// nothing. The rules of a private key are libpq's own (manual, 34.19.1): it belongs to the user of
// the rotator's process and nobody else may read it, or to root and at most its group may.
const char *pgfiles_wrong(const struct pglogin_route *route);
