// SPDX-License-Identifier: ISC
#include "vault/crypto/random.h"

#include <sodium.h>

void random_fill(uint8_t *out, size_t len)
{
    randombytes_buf(out, len);
}
