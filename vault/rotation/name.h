// SPDX-License-Identifier: ISC
// Names of targets and credentials.
#pragma once

#include "vault/base/bytes.h"

enum { NAME_BYTES = 128 };

// 1 to NAME_BYTES letters, digits, dots, dashes and underscores, beginning with a letter or digit.
bool name_valid(struct str name);
