// SPDX-License-Identifier: ISC
// The sentence that tells the user what is wrong and what to do next. A `struct status` carries
// literals only; a client command may also name what the user typed (a flag, a path, an address),
// never a value that could be secret.
#pragma once

#include "vault/base/status.h"

enum { CLI_PROBLEM_BYTES = 2048 };

struct cli_problem {
    char text[CLI_PROBLEM_BYTES]; // empty: the status says it all
};

// Usage and local errors: INVALID, exit code 1. What doesn't fit is cut.
struct status cli_problem_local(struct cli_problem *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The server refused or could not be asked: UPSTREAM, exit code 2.
struct status cli_problem_remote(struct cli_problem *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
