// SPDX-License-Identifier: ISC
// What -h says, made from the table of commands.
#pragma once

#include "api/cli/command.h"
#include "vault/base/buffer.h"

// All commands; with `group` those whose name begins with that word.
void cli_help_list(struct buffer *into, struct str group);
// One command: usage, text, example, flags.
void cli_help_command(struct buffer *into, const struct cli_command *command);
// A bash script that completes commands and flags.
void cli_help_completion(struct buffer *into);
