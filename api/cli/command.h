// SPDX-License-Identifier: ISC
// The commands of `rotunda`, in one table. A command has a name of one to three words; the longest
// name that the arguments begin with is the one that runs. Names share the help, the completion
// and `-h`, whether they run here (client commands) or are contributed by the composition root
// (server, dev, migrate, audit verify ...).
#pragma once

#include <stddef.h>

#include "api/cli/args.h"
#include "vault/base/status.h"

struct cli;

struct cli_command {
    const char *name;             // "kv get"
    const char *summary;          // one line; NULL keeps an alias out of the lists
    const char *operands;         // "PATH [key=value...]"; "" when there are none
    const char *help;             // what -h says below the usage: sentences and an example
    const struct cli_flag *flags; // its own, ended by a NULL name; NULL when there are none
    size_t least_operands;
    size_t most_operands; // CLI_ANY for no limit

    // Exactly one of these two.
    struct status (*run)(struct cli *c); // a client command: parsed arguments in c->args
    int (*main)(int argc, char **argv);  // gets the raw arguments after the name; the exit code
};

#define CLI_ANY ((size_t)-1)

struct cli_command_list {
    const struct cli_command *commands;
    size_t count;
};

// Adds commands to the table: call before cli_main(), with a table that lives as long as the
// process. At most CLI_COMMAND_LISTS times.
enum { CLI_COMMAND_LISTS = 16 };
void cli_command_register(struct cli_command_list list);

// The tables in the order in which help shows them.
size_t cli_command_list_count(void);
struct cli_command_list cli_command_list_at(size_t index);

// The command whose name the words begin with; `*words` is how many of them the name took.
// NULL when there is none.
const struct cli_command *cli_command_find(int argc, char **argv, int *words);
// True when some command's name begins with this word and continues.
bool cli_command_is_group(struct str word);
