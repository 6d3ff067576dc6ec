// SPDX-License-Identifier: ISC
#pragma once

#include "rotunda/rotator.h"

extern const struct rotunda_rotator rotunda_rotator_postgresql;
