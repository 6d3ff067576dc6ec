// SPDX-License-Identifier: ISC
// `rotunda server`: builds the process from its parts, runs it, takes it down.
#pragma once

#include "vault/base/config.h"

// Runs until it is told to stop (SIGTERM, SIGINT). The process's exit code.
int server_run(const struct config *config);

// `rotunda server -config FILE [-check]` and `rotunda migrate -config FILE`.
int server_main(int argc, char **argv);
int migrate_main(int argc, char **argv);
