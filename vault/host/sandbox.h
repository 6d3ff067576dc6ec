// SPDX-License-Identifier: ISC
// The walls around the host of a rotator, put up between fork and exec: another user, Landlock
// (Linux 5.13 on), a mount namespace that holds system libraries and the paths of this attempt and
// nothing else, resource limits, no new privileges. Each wall that the system refuses is missing
// from what sandbox_enter() reports; who starts a stranger's program looks at that.
#pragma once

#include <sys/types.h>

#include <stddef.h>

#include "vault/base/macros.h"
#include "vault/base/status.h"

enum {
    SANDBOX_USER = 1u << 0,     // another user than the vault's
    SANDBOX_LANDLOCK = 1u << 1, // files outside of the list can't be opened, no port bound
    SANDBOX_MOUNTS = 1u << 2,   // nor seen, unix sockets included
};

enum { SANDBOX_PATHS_MAX = 8, SANDBOX_PATH_BYTES = 256 };

struct sandbox_path {
    char path[SANDBOX_PATH_BYTES]; // absolute, NUL-terminated
    bool writable;
};

struct sandbox_options {
    bool switch_user; // needs root
    uid_t uid;
    gid_t gid;
    int program;                      // descriptor of what will be executed
    const struct sandbox_path *paths; // beside the system's libraries and resolver files
    size_t path_count;
};

// For the child only: it can't be undone. SANDBOX_* reached, or -1 with errno when something that
// must hold (limits, no new privileges, the switch of user) could not be had.
int sandbox_enter(const struct sandbox_options *options);

// The vault's files and sockets are out of reach.
bool sandbox_holds_strangers(int isolation);
