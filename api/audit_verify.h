// SPDX-License-Identifier: ISC
// `rotunda audit verify`: is the audit log what was written? Needs only public keys, so that an
// auditor can run it anywhere: on the database or on an export.
#pragma once

// The arguments after the command's name. 0: nothing is wrong; 3: problems were found; 1: it
// couldn't be checked.
int audit_verify_main(int argc, char **argv);

#define AUDIT_VERIFY_HELP                                                                          \
    "Checks every record's hash, that none is missing, every signature, chains, keys and\n"        \
    "checkpoints.\n\n"                                                                             \
    "  -database CONNINFO   the vault's database, read as of one moment (without a password:\n"    \
    "                       that comes from ~/.pgpass or PGPASSFILE)\n"                            \
    "  -export FILE         what `rotunda audit export` wrote, instead\n"                          \
    "  -against FILE        checkpoints that were kept elsewhere (audit.checkpoint_file): shows\n" \
    "                       whether the log's end was cut off\n"                                   \
    "  -public-key KEY      the first signing key as it was shown before: 64 hexadecimal "         \
    "digits,\n"                                                                                    \
    "                       or a file that holds them\n"                                           \
    "  -format json         the result as JSON\n\n"                                                \
    "Exit code: 0 nothing is wrong, 3 problems were found, 1 it couldn't be checked.\n\n"          \
    "Example: rotunda audit verify -database 'host=/run/postgresql dbname=rotunda' \\\n"           \
    "             -against /mnt/witness/checkpoints.jsonl\n"
