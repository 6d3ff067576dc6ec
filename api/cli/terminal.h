// SPDX-License-Identifier: ISC
// Reading what the user types or pipes, without echo where it is secret.
#pragma once

#include "api/cli/problem.h"
#include "vault/base/buffer.h"
#include "vault/base/secret.h"

void cli_close(int *fd); // for CLEANUP; a negative one is fine

// One line from `fd`, up to a newline or the end, blanks at both ends dropped; nothing behind the
// newline is taken. INVALID, explained, when it is longer than `max_bytes`. NOMEM.
struct status cli_read_secret_line(int fd, size_t max_bytes, struct cli_problem *why,
                                   struct secret **out);

// The same from `in_fd`; when that is a terminal, asks on `err_fd` and switches the echo off.
struct cli_prompt {
    int in_fd;
    int err_fd;
    const char *question; // "Token"
};
struct status cli_prompt_secret(const struct cli_prompt *prompt, struct cli_problem *why,
                                struct secret **out);

// All of `fd` into the buffer. INVALID, explained.
struct status cli_read_all(int fd, struct cli_problem *why, struct buffer *into);
// The whole file; "-" is `in_fd`. Only its name is ever shown.
struct status cli_read_file(struct str path, int in_fd, struct cli_problem *why,
                            struct buffer *into);
// Writes everything. INVALID, explained.
struct status cli_write_all(int fd, struct bytes data, struct cli_problem *why);
