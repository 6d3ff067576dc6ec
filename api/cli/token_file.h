// SPDX-License-Identifier: ISC
// The token that `rotunda login` keeps: one line in ~/.rotunda-token (or $ROTUNDA_TOKEN_FILE), mode
// 0600. Reading refuses a symbolic link, a file of another user and a file that others may read;
// writing replaces it atomically.
#pragma once

#include "api/cli/problem.h"
#include "vault/base/arena.h"
#include "vault/base/secret.h"

// Where it is. `path` is NUL-terminated, in the arena.
struct status cli_token_file_path(struct arena *a, struct cli_problem *why, struct str *path);

// NOT_FOUND when there is no file or it is empty; INVALID, explained, when it can't be trusted.
struct status cli_token_file_read(struct str path, struct cli_problem *why, struct secret **out);
struct status cli_token_file_write(struct arena *a, struct str path, struct bytes token,
                                   struct cli_problem *why);
// Fine when there is none.
struct status cli_token_file_remove(struct str path, struct cli_problem *why);

// The token to use: ROTUNDA_TOKEN, VAULT_TOKEN, else the file's. NOT_FOUND, explained.
struct status cli_token_find(struct arena *a, struct cli_problem *why, struct secret **out);
