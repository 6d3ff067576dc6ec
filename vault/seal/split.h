// SPDX-License-Identifier: ISC
// Shamir's secret sharing over GF(2^8), by libgfshare: the only file that knows it. The library
// checks nothing (see split.c), so whoever calls split_combine() has verified each share.
#pragma once

#include "vault/seal/seal.h"

// `out` gets shares * SEAL_KEY_BYTES: the shares numbered 1 to `shares`, one behind the other.
// Every share has been recombined with others and compared before they are returned.
// INVALID unless 1 <= threshold <= shares <= SEAL_SHARES_MAX and threshold >= 2 when there are
// several; NOMEM.
struct status split_key(const struct secret *key, int shares, int threshold, struct secret **out);

// The key, from `count` shares: their numbers (all different, none 0), and the shares one behind
// the other. Too few or altered ones give another key without an error. NOMEM.
struct status split_combine(const uint8_t *numbers, struct bytes shares, size_t count,
                            struct secret **out);
