// SPDX-License-Identifier: ISC
// Unkeyed BLAKE2b-256 (RFC 7693): checksums and hash chains. Keys and MACs are vault/crypto's.
#pragma once

#include "vault/base/bytes.h"

enum { DIGEST_BYTES = 32 };

struct digest {
    uint8_t octets[DIGEST_BYTES];
};

struct digest digest_of(struct bytes data);
bool digest_equal(struct digest a, struct digest b);
struct bytes digest_bytes(const struct digest *d);

// A digest over typed, length-prefixed parts: no two different lists of parts encode the same.
struct digest_stream {
    _Alignas(64) uint8_t state[384]; // private
};
void digest_begin(struct digest_stream *d, const char *purpose); // a literal: domain separation
void digest_add_int(struct digest_stream *d, int64_t value);
void digest_add_bytes(struct digest_stream *d, struct bytes value);
void digest_add_str(struct digest_stream *d, struct str value);
struct digest digest_finish(struct digest_stream *d);
