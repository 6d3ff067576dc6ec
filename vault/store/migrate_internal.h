// SPDX-License-Identifier: ISC
// The table of embedded migrations, in order of their number.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct migration {
    int64_t version;
    const char *name;         // NNNN_verb_noun
    const unsigned char *sql; // NUL-terminated
    size_t len;
};

extern const struct migration migrations[];
extern const size_t migration_count;
