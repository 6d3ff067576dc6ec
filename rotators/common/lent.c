// SPDX-License-Identifier: ISC
#include "rotators/common/lent.h"

#include <sodium.h>
#include <string.h>

void lent_free(char *copy)
{
    sodium_free(copy);
}

// A rotator doesn't depend on its host for that; libsodium does it once.
static char *allocate(size_t size)
{
    return sodium_init() < 0 ? NULL : sodium_malloc(size);
}

char *lent_copy(struct rotunda_bytes secret)
{
    if (secret.len > 0 && memchr(secret.ptr, '\0', secret.len) != NULL) {
        return NULL;
    }
    char *copy = allocate(secret.len + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (secret.len > 0) {
        memcpy(copy, secret.ptr, secret.len);
    }
    copy[secret.len] = '\0';
    return copy;
}

char *lent_random_hex(size_t count)
{
    char *copy = allocate(2 * count + 1);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t octet = (uint8_t)randombytes_uniform(256);
        sodium_bin2hex(copy + 2 * i, 3, &octet, 1);
    }
    return copy;
}

void lent_cleanup(char **copy)
{
    lent_free(*copy);
}
