// SPDX-License-Identifier: ISC
// Schema migrations: embedded in the program, forward only, one transaction each. Several nodes may
// start at once: an advisory lock lets one of them work while the others wait.
#pragma once

#include "vault/store/session.h"

// Brings the schema up to date. CONFLICT when the database is newer than the program; INTEGRITY
// when a migration that was applied differs from the one in the program.
struct status migrate_run(struct session *s);
