// SPDX-License-Identifier: ISC
// Command-line arguments: flags that a command declares, and operands. A flag is written -name
// value, -name=value, or either with two dashes; it may stand before, between or after operands.
// "--" ends the flags, a lone "-" is an operand. Everything is borrowed from argv.
#pragma once

#include "api/cli/problem.h"
#include "vault/base/arena.h"
#include "vault/base/bytes.h"

enum cli_flag_kind {
    CLI_FLAG_BOOL,     // -name, -name=true, -name=false
    CLI_FLAG_TEXT,     //
    CLI_FLAG_COUNT,    // a whole number, not negative
    CLI_FLAG_DURATION, // as str_parse_duration_s() reads it
    CLI_FLAG_LIST,     // may be given again and again
};

struct cli_flag {
    const char *name; // NULL ends a list of flags
    enum cli_flag_kind kind;
    const char *value; // what to call the value in the help; NULL for CLI_FLAG_BOOL
    const char *summary;
};

struct cli_flag_use {
    const struct cli_flag *flag;
    struct str value;
};

struct cli_args {
    const struct cli_flag_use *uses;
    size_t use_count;
    const struct str *operands;
    size_t operand_count;
};

// The flag of that name; NULL when `flags` (may be NULL) has none.
const struct cli_flag *cli_flag_find(const struct cli_flag *flags, struct str name);

// Reads argv[0..argc) against the flags of the command and those of every command.
// INVALID, explained in `why`: unknown flag, missing or malformed value. NOMEM.
struct cli_args_source {
    int argc;
    const char *const *argv;
    const struct cli_flag *own; // may be NULL
    const struct cli_flag *global;
};
struct status cli_args_parse(struct arena *a, const struct cli_args_source *source,
                             struct cli_problem *why, struct cli_args *out);

bool cli_args_has(const struct cli_args *args, const char *name);
// The last value given; the empty slice when there is none.
struct str cli_args_text(const struct cli_args *args, const char *name);
bool cli_args_bool(const struct cli_args *args, const char *name, bool fallback);
int64_t cli_args_count(const struct cli_args *args, const char *name, int64_t fallback);
// The operand at `index`; the empty slice when there are fewer.
struct str cli_args_operand(const struct cli_args *args, size_t index);
