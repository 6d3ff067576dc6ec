// SPDX-License-Identifier: ISC
// Random bytes into memory that the caller chooses: salts, nonces, ids. A key: secret_random().
#pragma once

#include <stddef.h>
#include <stdint.h>

// From the kernel's generator; can't fail.
void random_fill(uint8_t *out, size_t len);
