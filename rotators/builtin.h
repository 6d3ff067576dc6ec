// SPDX-License-Identifier: ISC
// The rotators that are linked into the program.
#pragma once

#include "rotunda/rotator.h"

// In no particular order; ends with NULL.
const struct rotunda_rotator *const *rotators_builtin(void);
