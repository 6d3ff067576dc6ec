// SPDX-License-Identifier: ISC
// One mock for each way in which credentials are kept; all share the state.
#pragma once

#include "rotunda/rotator.h"

extern const struct rotunda_rotator rotunda_rotator_mock;              // K1: one slot
extern const struct rotunda_rotator rotunda_rotator_mock_slots;        // K2: two slots
extern const struct rotunda_rotator rotunda_rotator_mock_keys;         // K3: public keys
extern const struct rotunda_rotator rotunda_rotator_mock_issuer;       // K4: issued, listed
extern const struct rotunda_rotator rotunda_rotator_mock_rolled;       // K5: replaced in place
extern const struct rotunda_rotator rotunda_rotator_mock_rolled_shown; // K5, only once
extern const struct rotunda_rotator rotunda_rotator_mock_mint;         // K6: short-lived
