// SPDX-License-Identifier: ISC
#include "api/cli/problem.h"

#include <stdarg.h>
#include <stdio.h>

struct status cli_problem_local(struct cli_problem *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->text, sizeof p->text, format, args);
    va_end(args);
    FAIL(INVALID, "the command can't run as it was given");
}

struct status cli_problem_remote(struct cli_problem *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->text, sizeof p->text, format, args);
    va_end(args);
    FAIL(UPSTREAM, "the server could not do it");
}
