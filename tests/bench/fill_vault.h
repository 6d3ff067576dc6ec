// SPDX-License-Identifier: ISC
// An initialised vault without a server: its keys and a session, for tools that fill tables with
// the vault's own code.
#pragma once

#include "vault/core/sealing.h"

struct fill_vault {
    struct vault vault;
    struct session *session;
};

// `key_file` is that of the static seal. Close it in every case.
struct status fill_vault_open(const struct store_config *database, const char *key_file,
                              struct fill_vault *out);
void fill_vault_close(struct fill_vault *f);
