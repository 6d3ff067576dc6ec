// SPDX-License-Identifier: ISC
// The private PostgreSQL of `rotunda dev`. A keeper, a process of its own without any secret,
// starts it and stops it in order when the vault has gone, however that ended, and then removes a
// temporary folder. Only a unix socket, in a folder that nobody else can enter.
#pragma once

#include "api/dev_folder.h"

struct dev_postgres {
    int keeper; // closing it ends the server
    pid_t pid;
};

// Call from the main thread before keys and threads, with the signals of process.h blocked. Returns
// when connections are taken; the first time in a folder that takes seconds. What went wrong is on
// standard error. UNAVAILABLE; TIMEOUT when SIGINT or SIGTERM came meanwhile.
struct status dev_postgres_start(const struct dev_folder *f, struct dev_postgres *out);
// Waits until it has ended and a temporary folder is gone.
void dev_postgres_stop(struct dev_postgres *p);
