// SPDX-License-Identifier: ISC
// Between launcher.c (the vault's side), launcher_main.c (the process) and launcher_exec.c (its
// children).
#pragma once

#include "vault/host/launcher.h"

struct launcher_setup {
    int program;         // descriptor of our own program
    launcher_host *host; // in the launcher only
    bool switch_user;
    uid_t uid;
    gid_t gid;
    bool allow_unlocked;
};

// What the launcher's program finds open.
enum { LAUNCHER_SOCKET = 3, LAUNCHER_PROGRAM_FILE = 4 };

// The whole life of the launcher. `socket` brings jobs, each with two descriptors: channel,
// control.
_Noreturn void launcher_main(int socket, const struct launcher_setup *setup);

// In the child: never returns.
_Noreturn void launcher_exec(const struct launcher_setup *setup, const struct launcher_job *job,
                             int channel, int control);
