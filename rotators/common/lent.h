// SPDX-License-Identifier: ISC
// NUL-terminated copies of lent secrets for libraries that want C strings: guarded, locked memory
// that is wiped on release.
#pragma once

#include "rotunda/rotator.h"

void lent_free(char *copy); // wipes; NULL is fine
// NULL when locked memory is short, or when the secret holds a NUL.
char *lent_copy(struct rotunda_bytes secret);
// `count` random octets as lower-case hexadecimal.
char *lent_random_hex(size_t count);

void lent_cleanup(char **copy); // for __attribute__((cleanup))
