// SPDX-License-Identifier: ISC
// A place in a text, as a person or an editor counts it.
#pragma once

#include "vault/base/bytes.h"

struct text_position {
    size_t offset;   // in octets from the start
    uint32_t line;   // from 1
    uint32_t column; // from 1, in characters
};

// Offsets beyond the end mean the end.
struct text_position text_position_at(struct str text, size_t offset);

// What is wrong in a text that a person wrote, beside the status that says why.
struct text_error {
    uint32_t line;
    uint32_t column;
    struct str word; // what stands there, borrowed from the text; may be empty
};
