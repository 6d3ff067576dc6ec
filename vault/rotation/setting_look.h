// SPDX-License-Identifier: ISC
// Whether the value of a setting looks like what its rotator says that it takes. Reaches nothing:
// neither the target nor a file.
#pragma once

#include "rotunda/rotator.h"
#include "vault/base/bytes.h"

// INVALID, with a literal that says what is expected.
struct status setting_look(const struct rotunda_setting_spec *spec, struct str value);
