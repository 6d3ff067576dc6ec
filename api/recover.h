// SPDX-License-Identifier: ISC
// `rotunda rotation recover`: opens the copies of a rotator's own password without any vault, with
// what `rotunda rotation target recovery` printed and enough shares of the recovery key.
#pragma once

// The arguments after the command's name. 0: opened; 1: not.
int recover_main(int argc, char **argv);

#define RECOVER_HELP                                                                               \
    "Opens the sealed copies in FILE, which `rotunda rotation target recovery -format=json`\n"     \
    "wrote, with shares of the recovery key: one a line, on standard input. Asks no server.\n"     \
    "Prints state, time, user name and password of each copy that they open, newest first.\n\n"    \
    "Example: cat share1 share2 | rotunda rotation recover orders-db.recovery\n"
