// SPDX-License-Identifier: ISC
// The PostgreSQL programs that `rotunda dev` runs: where they are, and how they are started.
#pragma once

#include "api/dev_folder.h"

enum { DEV_PROGRAM_BYTES = 256 };

// The newest below /usr/lib/postgresql, else where PATH says. `out` is its bin folder.
// UNAVAILABLE when there is none from version 15 on.
struct status dev_programs_find(char out[DEV_PROGRAM_BYTES]);

// Exit codes of what could not be started.
enum { DEV_EXIT_UNREACHABLE = 125, DEV_EXIT_NOT_RUN = 126 };

enum { DEV_ARGUMENTS_MAX = 16 }; // the NULL at the end included

// Starts argv[0] in f->postgres as PostgreSQL's user, with its output appended to the file `log`
// there; a SIGINT ends it with its parent. -1 when it can't be forked.
pid_t dev_programs_start(const struct dev_folder *f, const char *const argv[]);
