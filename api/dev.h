// SPDX-License-Identifier: ISC
// `rotunda dev`: a vault to try things out on, with one command. A private PostgreSQL in a folder,
// a static seal whose key lies beside it, unsealed, with a root token and secret/ mounted. Whoever
// can read the folder can read everything in it: never for real secrets.
#pragma once

#include "api/cli/args.h"

extern const struct cli_flag dev_flags[];

// Runs until SIGINT or SIGTERM; ends PostgreSQL too. The exit code.
int dev_main(int argc, char **argv);
