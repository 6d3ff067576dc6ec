// SPDX-License-Identifier: ISC
// Unambiguous encoding of a few fields into associated data: integers are eight bytes big-endian,
// everything of variable length has its length in front. Two different lists of fields with the
// same label never encode the same. For fields that the program chooses, whose sum is bounded:
// exceeding PACK_BYTES is a broken invariant and ends the process.
#pragma once

#include "vault/base/uuid.h"

enum { PACK_BYTES = 512 };

struct pack {
    uint8_t octets[PACK_BYTES];
    size_t len;
};

void pack_init(struct pack *p, const char *label);
void pack_int(struct pack *p, int64_t value);
void pack_uuid(struct pack *p, struct uuid id);
void pack_bytes(struct pack *p, struct bytes b);
void pack_c(struct pack *p, const char *text);
struct bytes pack_view(const struct pack *p);
