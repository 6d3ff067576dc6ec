// SPDX-License-Identifier: ISC
// `rotunda rotation conformance`: vault/rotation/conformance on the command line.
#pragma once

#include "api/cli/args.h"

#define CONFORMANCE_HELP                                                                           \
    "Starts the rotator as the server would, behind the same walls, and asks it everything that\n" \
    "the engine may ask: NAME of one that is linked in, the absolute path of an executable, or\n"  \
    "of a loadable module (.so). The target must be a test system: the account gets other "        \
    "values\n"                                                                                     \
    "many times and is left with one that nobody knows. docs/writing-a-rotator.md explains.\n\n"   \
    "Exits with 0 when everything passed, 1 when something failed, 2 when it couldn't be "         \
    "tried.\n\n"                                                                                   \
    "Example: rotunda rotation conformance -target host=db.test -username rotator\n"               \
    "             -secret @rotator-password -account app /usr/local/lib/rotators/example"

extern const struct cli_flag conformance_flags[];

// Gets what stands after the command's name; the exit code.
int conformance_main(int argc, char **argv);
