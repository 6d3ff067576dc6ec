// SPDX-License-Identifier: ISC
#include "vault/core/backoff.h"

#include "vault/crypto/random.h"
#include "vault/runtime/fiber.h"

enum { BACKOFF_SHIFT_MAX = 8, BACKOFF_UNIT_US = 1000 };

void backoff_pause(int losses)
{
    uint32_t random;
    random_fill((uint8_t *)&random, sizeof random);
    int shift = losses < BACKOFF_SHIFT_MAX ? losses : BACKOFF_SHIFT_MAX;
    int64_t pause_us = (int64_t)(random % ((uint32_t)BACKOFF_UNIT_US << shift));
    fiber_sleep_until(clock_monotonic_us() + pause_us);
}
