// SPDX-License-Identifier: ISC
// The program: client commands come from api/cli, the server's own are added here.
#include <stdio.h>
#include <string.h>

#include "api/audit_verify.h"
#include "api/cli/cli.h"
#include "api/cli/command.h"
#include "api/conformance.h"
#include "api/dev.h"
#include "api/recover.h"
#include "api/server.h"
#include "rotators/builtin.h"
#include "vault/base/macros.h"
#include "vault/host/host.h"
#include "vault/host/launcher.h"
#include "vault/notify/host.h"

// Its contract counts the command's own name, which stands before what we are given.
static int host_main(int argc, char **argv)
{
    if (argc == 0) {
        fputs("rotunda: rotator-host takes the name of a rotator\n", stderr);
        return CLI_EXIT_LOCAL;
    }
    return rotator_host_main(argc + 1, argv - 1, rotators_builtin());
}

static int serve_linked(const char *name, bool allow_unlocked)
{
    return strcmp(name, NOTIFY_HOST_NAME) == 0
               ? notify_host_serve(allow_unlocked)
               : rotator_host_serve(name, allow_unlocked, rotators_builtin());
}

static int launcher_main(int argc, char **argv)
{
    // It doesn't return where the server has started it.
    (void)rotator_launcher_main(argc + 1, argv - 1, serve_linked);
    fputs("rotunda: rotator-launcher is started by the server, not by hand\n", stderr);
    return CLI_EXIT_LOCAL;
}

static const struct cli_command server_commands[] = {
    {.name = "server",
     .summary = "Run the vault's server",
     .operands = "-config FILE [-check]",
     .help = "Runs until SIGTERM or SIGINT; SIGHUP reads the TLS certificates again.\n"
             "-check only reads the configuration and says what is wrong with it.\n\n"
             "Example: rotunda server -config /etc/rotunda/rotunda.hcl",
     .main = server_main},
    {.name = "dev",
     .summary = "Run a vault to try things out, with a PostgreSQL of its own",
     .operands = "",
     .help =
         "Starts a private PostgreSQL and an unsealed vault on it, prints the root token and\n"
         "stops both on Ctrl-C. With -dir all is kept for the next time. Not for real secrets:\n"
         "the key lies beside the data.\n\nExample: rotunda dev -dir ~/rotunda",
     .flags = dev_flags,
     .main = dev_main},
    {.name = "migrate",
     .summary = "Bring the database's schema up to date",
     .operands = "-config FILE",
     .help = "The server does this by itself when it starts; this is for doing it beforehand.\n\n"
             "Example: rotunda migrate -config /etc/rotunda/rotunda.hcl",
     .main = migrate_main},
    {.name = "audit verify",
     .summary = "Check that the audit log is complete and unaltered",
     .operands = "-database CONNINFO | -export FILE",
     .help = AUDIT_VERIFY_HELP,
     .main = audit_verify_main},
    {.name = "rotator-launcher", .operands = "UID GID", .help = "", .main = launcher_main},
    {.name = "rotation recover",
     .summary = "Open the copies of a rotator's own password, without any vault",
     .operands = "FILE",
     .help = RECOVER_HELP,
     .main = recover_main},
    {.name = "rotation conformance",
     .summary = "Find out whether a rotator does what the engine expects of it",
     .operands = "NAME | PROGRAM | MODULE",
     .help = CONFORMANCE_HELP,
     .flags = conformance_flags,
     .main = conformance_main},
    {.name = "rotator-host", .operands = "NAME", .help = "", .main = host_main},
};

int main(int argc, char **argv)
{
    cli_command_register((struct cli_command_list){server_commands, ARRAY_LEN(server_commands)});
    return cli_main(argc, argv);
}
