// SPDX-License-Identifier: ISC
// Shared by own.c and own_begin.c.
#pragma once

#include "vault/crypto/row_mac.h"
#include "vault/rotation/manage/own.h"

struct status own_mac(const struct keyring *k, const struct own *o, uint8_t out[ROW_MAC_BYTES]);
// What a value is sealed to: it belongs to `mount` through its target.
struct envelope_binding own_binding(struct uuid mount, const struct own *o);
