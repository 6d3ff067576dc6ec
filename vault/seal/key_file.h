// SPDX-License-Identifier: ISC
// A 32-byte key from a file: the 32 bytes themselves, or their hexadecimal or base64 text (blanks
// and a line end around it don't matter).
#pragma once

#include "vault/seal/seal.h"

// A file must be a regular one that belongs to root or to the user we run as, and that nobody else
// can read or write. A systemd credential is kept by systemd: there the group bits may be set
// (they are the mask of its access list), but not those of others.
// INVALID with what is wrong with the place, the file or its content; UNAVAILABLE when it can't be
// read; NOMEM.
struct status key_file_read(const struct seal_key_place *place, struct secret **out);
bool key_file_is_given(const struct seal_key_place *place);
