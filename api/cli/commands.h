// SPDX-License-Identifier: ISC
// The client's own tables of commands, one for each resource.
#pragma once

#include "api/cli/command.h"

extern const struct cli_command_list cli_operate_commands;  // operate.c
extern const struct cli_command_list cli_login_commands;    // login.c
extern const struct cli_command_list cli_generic_commands;  // generic.c
extern const struct cli_command_list cli_kv_commands;       // kv.c
extern const struct cli_command_list cli_kv_more_commands;  // kv_versions.c
extern const struct cli_command_list cli_rotation_commands; // rotation.c
extern const struct cli_command_list cli_notifier_commands; // notifier.c
extern const struct cli_command_list cli_token_commands;    // token.c
extern const struct cli_command_list cli_policy_commands;   // policy.c
extern const struct cli_command_list cli_mounts_commands;   // mounts.c
extern const struct cli_command_list cli_audit_commands;    // audit.c
extern const struct cli_command_list cli_bench_commands;    // bench.c
extern const struct cli_command_list cli_shell_commands;    // shell.c

// Adds them to the table, after what has been registered before; again and again is fine.
void cli_commands_register(void);
