// SPDX-License-Identifier: ISC
// Row and request ids: UUID version 7 (RFC 9562 section 5.7), made here and never by the database,
// so that a row's MAC can cover its id. Time-ordered, never reused, not secret.
#pragma once

#include "vault/base/bytes.h"

struct uuid {
    uint8_t octets[16];
};

enum { UUID_TEXT_BYTES = 37 };

struct uuid uuid_new(void);
bool uuid_equal(struct uuid a, struct uuid b);
bool uuid_is_nil(struct uuid u);
void uuid_format(struct uuid u, char out[UUID_TEXT_BYTES]);  // 8-4-4-4-12, lower case
struct status uuid_parse(struct str text, struct uuid *out); // INVALID
struct bytes uuid_bytes(const struct uuid *u);
