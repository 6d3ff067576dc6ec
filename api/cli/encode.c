// SPDX-License-Identifier: ISC
#include "api/cli/encode.h"

#include <stdio.h>

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void encode(struct buffer *into, struct str text, char also_plain)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_unreserved(c) || (c == also_plain && c != '\0')) {
            buffer_append_byte(into, (uint8_t)c);
        } else {
            char escape[4];
            snprintf(escape, sizeof escape, "%%%02X", (unsigned)(unsigned char)c);
            buffer_append_c(into, escape);
        }
    }
}

void cli_encode_path(struct buffer *into, struct str path)
{
    encode(into, path, '/');
}

void cli_encode_query(struct buffer *into, struct str value)
{
    encode(into, value, '\0');
}

void cli_query_add(struct buffer *into, struct str name, struct str value)
{
    if (into->len > 0) {
        buffer_append_byte(into, '&');
    }
    cli_encode_query(into, name);
    buffer_append_byte(into, '=');
    cli_encode_query(into, value);
}
