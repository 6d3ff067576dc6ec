// SPDX-License-Identifier: ISC
#include "vault/base/text_position.h"

struct text_position text_position_at(struct str text, size_t offset)
{
    struct text_position at = {offset < text.len ? offset : text.len, 1, 1};
    for (size_t i = 0; i < at.offset; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\n') {
            at.line++;
            at.column = 1;
        } else if ((c & 0xC0) != 0x80) {
            at.column++;
        }
    }
    return at;
}
