// SPDX-License-Identifier: ISC
// A named statement, prepared once per connection on first use. Always a static constant.
#pragma once

#include "vault/store/result.h"
#include "vault/store/value.h"

struct store_statement {
    const char *name; // module.verb, unique in the program
    const char *sql;
};
