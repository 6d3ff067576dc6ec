// SPDX-License-Identifier: ISC
#include "vault/rotation/name.h"

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool name_valid(struct str name)
{
    if (name.len == 0 || name.len > NAME_BYTES || !is_letter_or_digit(name.ptr[0])) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_letter_or_digit(c) && c != '.' && c != '-' && c != '_') {
            return false;
        }
    }
    return true;
}
