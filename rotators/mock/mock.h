// SPDX-License-Identifier: ISC
// One mock for each way in which credentials are kept; all share the state.
#pragma once

#include "rotunda/rotator.h"

extern const struct rotunda_rotator rotunda_rotator_mock;        // K1: one slot
extern const struct rotunda_rotator rotunda_rotator_mock_slots;  // K2: two slots
extern const struct rotunda_rotator rotunda_rotator_mock_issuer; // K4: issued, at most three
