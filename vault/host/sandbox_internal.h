// SPDX-License-Identifier: ISC
#pragma once

#include "vault/host/sandbox.h"

enum sandbox_access {
    SANDBOX_READ,    // files and folders
    SANDBOX_EXECUTE, // and run what is there
    SANDBOX_WRITE,   // read and write
};

// What every program needs: the loader, libraries, certificates, name resolution. Ends with NULL.
struct sandbox_system_path {
    const char *path;
    enum sandbox_access access;
};
extern const struct sandbox_system_path sandbox_system_paths[];

// False with errno when the kernel refuses.
bool sandbox_landlock(const struct sandbox_options *options);

enum sandbox_outcome {
    SANDBOX_ABSENT, // refused, everything is as before
    SANDBOX_PRESENT,
    SANDBOX_BROKEN, // half done: this process must end
};
enum sandbox_outcome sandbox_mounts(const struct sandbox_options *options);
