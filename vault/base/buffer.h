// SPDX-License-Identifier: ISC
// A growable byte buffer with a compulsory maximum. Everything it ever held is wiped when it grows
// or is released, so it may carry secrets on their way through.
// The first failed append is remembered: append without checking, then ask buffer_status() once.
#pragma once

#include "vault/base/bytes.h"
#include "vault/base/status.h"

struct buffer {
    uint8_t *ptr;
    size_t len;
    size_t capacity;
    size_t max;
    enum status_code failed; // STATUS_OK, STATUS_NOMEM or STATUS_TOO_LARGE
};

// `max_bytes` is the most it may ever hold. Nothing is allocated until the first append.
void buffer_init(struct buffer *b, size_t max_bytes);
void buffer_done(struct buffer *b);  // wipes and releases; the buffer may be initialised again
void buffer_clear(struct buffer *b); // wipes, keeps the memory, forgets a failure

void buffer_append(struct buffer *b, struct bytes data);
void buffer_append_str(struct buffer *b, struct str s);
void buffer_append_c(struct buffer *b, const char *text);
void buffer_append_byte(struct buffer *b, uint8_t byte);
void buffer_append_int(struct buffer *b, int64_t value);        // decimal
void buffer_append_base64(struct buffer *b, struct bytes data); // standard alphabet, padded
// Room for `len` more bytes to write into, or NULL after a failure; they count as appended.
uint8_t *buffer_extend(struct buffer *b, size_t len);

// Drops `count` bytes from the front.
void buffer_consume(struct buffer *b, size_t count);

// OK, NOMEM or TOO_LARGE.
struct status buffer_status(const struct buffer *b);
struct bytes buffer_bytes(const struct buffer *b); // borrowed until the next append
struct str buffer_str(const struct buffer *b);     // the same as text
