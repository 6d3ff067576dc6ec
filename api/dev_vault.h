// SPDX-License-Identifier: ISC
// The first start of a vault under `rotunda dev`.
#pragma once

#include "api/dev_folder.h"
#include "vault/core/vault.h"

// Before the workers run: initialises a new vault with one recovery share, which nobody gets,
// unseals it, mounts the key-value engine at secret/ and keeps the root token in the folder. Does
// nothing with an initialised one.
struct status dev_vault_prepare(const struct dev_folder *f, struct vault *v);
