// SPDX-License-Identifier: ISC
// `rotunda server`: builds the process from its parts, runs it, takes it down.
#pragma once

#include "vault/base/config.h"
#include "vault/core/vault.h"

// What `rotunda dev` does beside it, on the main thread.
struct server_hooks {
    void *ctx;
    struct status (*prepare)(void *ctx, struct vault *v); // state known, nothing else runs yet
    void (*ready)(void *ctx);                             // requests are taken
};

// Runs until it is told to stop (SIGTERM, SIGINT). `hooks` may be NULL. The process's exit code.
int server_run(const struct config *config, const struct server_hooks *hooks);

// `rotunda server -config FILE [-check]` and `rotunda migrate -config FILE`.
int server_main(int argc, char **argv);
int migrate_main(int argc, char **argv);
