// SPDX-License-Identifier: ISC
// What every client command obeys: whom to ask and how to answer. A flag wins over ROTUNDA_<NAME>,
// which wins over VAULT_<NAME>, which wins over the default.
#pragma once

#include "api/cli/args.h"
#include "vault/base/secret.h"

enum cli_format { CLI_FORMAT_TABLE, CLI_FORMAT_JSON };

struct cli_settings {
    struct str address;     // http://, https:// or unix:/path; never with a user or password
    struct str ca_cert;     // file; empty: the system's authorities
    struct str client_cert; // file; empty: none
    struct str client_key;  // file
    struct str namespace;   // empty: root
    struct str wrap_ttl;    // empty: no response wrapping
    struct str field;       // print this field alone; empty: all
    enum cli_format format;
    int64_t timeout_s;
};

extern const struct cli_flag cli_global_flags[]; // ended by a NULL name

// INVALID, explained.
struct status cli_settings_read(const struct cli_args *args, struct cli_problem *why,
                                struct cli_settings *out);

// ROTUNDA_<name>, else VAULT_<name>, else empty. Borrowed from the environment.
struct str cli_environment(const char *name);
