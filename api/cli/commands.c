// SPDX-License-Identifier: ISC
#include "api/cli/commands.h"

void cli_commands_register(void)
{
    static bool registered;
    if (registered) {
        return;
    }
    registered = true;
    cli_command_register(cli_operate_commands);
    cli_command_register(cli_login_commands);
    cli_command_register(cli_generic_commands);
    cli_command_register(cli_kv_commands);
    cli_command_register(cli_kv_more_commands);
    cli_command_register(cli_rotation_commands);
    cli_command_register(cli_notifier_commands);
    cli_command_register(cli_token_commands);
    cli_command_register(cli_policy_commands);
    cli_command_register(cli_mounts_commands);
    cli_command_register(cli_audit_commands);
    cli_command_register(cli_bench_commands);
    cli_command_register(cli_shell_commands);
}
