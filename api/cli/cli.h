// SPDX-License-Identifier: ISC
// One run of a client command: what it was given, whom it talks to, what it answers. Commands
// append to `out` and return; the frame writes `out` to standard output in one go, turns the status
// into the exit code, and says on standard error what went wrong.
#pragma once

#include "api/cli/args.h"
#include "api/cli/client.h"
#include "api/cli/command.h"
#include "api/cli/problem.h"
#include "api/cli/settings.h"
#include "vault/base/arena.h"
#include "vault/base/buffer.h"

enum cli_exit {
    CLI_EXIT_OK = 0,
    CLI_EXIT_LOCAL = 1,      // usage, a file, the terminal
    CLI_EXIT_REMOTE = 2,     // the server refused or could not be reached; `status`: sealed
    CLI_EXIT_UNFINISHED = 3, // the server goes on with what it was asked for
};

struct cli_io {
    int in_fd;
    int out_fd;
    int err_fd;
};

struct cli {
    struct arena *arena;
    struct cli_io io;
    const struct cli_command *command;
    struct cli_args args;
    struct cli_settings settings;
    struct cli_client *client; // NULL until cli_connect()
    struct buffer out;         // wiped when the run ends
    struct cli_problem problem;
};

// The whole program but for the server side: dispatches argv[1..] and returns the exit code.
// Overwrites the values of `key=value` arguments in argv, so that they don't stay in the process
// list. Prepares secret memory and libcurl for client commands only.
int cli_main(int argc, char **argv);

// The same for arguments without the program's name, with other descriptors. secret_system_init()
// and cli_client_system_init() have been called.
int cli_run(struct cli_io io, int argc, char **argv);

// The settings as a client takes them, with this token (NULL for none); borrowed from both.
struct cli_client_options cli_client_options_of(const struct cli *c, const struct secret *token);
// Opens c->client with the settings; with `token`, loads it too (a missing one is an error that
// says how to log in).
struct status cli_connect(struct cli *c, bool token);
// The same with this token (NULL for none) in place of the stored one.
struct status cli_connect_with(struct cli *c, const struct secret *token);
