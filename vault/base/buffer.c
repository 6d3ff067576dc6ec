// SPDX-License-Identifier: ISC
#include "vault/base/buffer.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 512 }; // most answers fit

void buffer_init(struct buffer *b, size_t max_bytes)
{
    *b = (struct buffer){.max = max_bytes, .failed = STATUS_OK};
}

static void release(struct buffer *b)
{
    if (b->ptr != NULL) {
        sodium_memzero(b->ptr, b->capacity);
        free(b->ptr);
    }
}

void buffer_done(struct buffer *b)
{
    release(b);
    buffer_init(b, b->max);
}

void buffer_clear(struct buffer *b)
{
    if (b->len > 0) {
        sodium_memzero(b->ptr, b->len);
    }
    b->len = 0;
    b->failed = STATUS_OK;
}

// realloc() may leave the old copy behind unwiped, so growing is copy and wipe.
static bool grow(struct buffer *b, size_t needed)
{
    size_t capacity = b->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : b->capacity * 2;
    if (capacity < needed) {
        capacity = needed;
    }
    if (capacity > b->max) {
        capacity = b->max;
    }
    uint8_t *ptr = malloc(capacity);
    if (ptr == NULL) {
        b->failed = STATUS_NOMEM;
        return false;
    }
    if (b->len > 0) {
        memcpy(ptr, b->ptr, b->len);
    }
    release(b);
    b->ptr = ptr;
    b->capacity = capacity;
    return true;
}

uint8_t *buffer_extend(struct buffer *b, size_t len)
{
    if (b->failed != STATUS_OK) {
        return NULL;
    }
    if (len > b->max - b->len) {
        b->failed = STATUS_TOO_LARGE;
        return NULL;
    }
    if (b->len + len > b->capacity && !grow(b, b->len + len)) {
        return NULL;
    }
    uint8_t *at = b->ptr + b->len;
    b->len += len;
    return at;
}

void buffer_append(struct buffer *b, struct bytes data)
{
    if (data.len == 0) {
        return;
    }
    uint8_t *at = buffer_extend(b, data.len);
    if (at != NULL) {
        memcpy(at, data.ptr, data.len);
    }
}

void buffer_append_str(struct buffer *b, struct str s)
{
    buffer_append(b, bytes_from_str(s));
}

void buffer_append_c(struct buffer *b, const char *text)
{
    buffer_append_str(b, str_from_c(text));
}

void buffer_append_byte(struct buffer *b, uint8_t byte)
{
    buffer_append(b, (struct bytes){&byte, 1});
}

void buffer_append_int(struct buffer *b, int64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)value);
    buffer_append(b, (struct bytes){(const uint8_t *)digits, (size_t)len});
}

void buffer_append_base64(struct buffer *b, struct bytes data)
{
    size_t with_nul = sodium_base64_ENCODED_LEN(data.len, sodium_base64_VARIANT_ORIGINAL);
    uint8_t *at = buffer_extend(b, with_nul);
    if (at != NULL) {
        sodium_bin2base64((char *)at, with_nul, data.ptr, data.len, sodium_base64_VARIANT_ORIGINAL);
        b->len--; // the NUL
    }
}

void buffer_consume(struct buffer *b, size_t count)
{
    size_t dropped = count < b->len ? count : b->len;
    size_t kept = b->len - dropped;
    if (dropped == 0) {
        return;
    }
    memmove(b->ptr, b->ptr + dropped, kept);
    sodium_memzero(b->ptr + kept, dropped);
    b->len = kept;
}

struct status buffer_status(const struct buffer *b)
{
    if (b->failed == STATUS_NOMEM) {
        FAIL(NOMEM, "out of memory");
    }
    if (b->failed != STATUS_OK) {
        FAIL(TOO_LARGE, "longer than its limit");
    }
    return OK_STATUS;
}

struct bytes buffer_bytes(const struct buffer *b)
{
    return (struct bytes){b->ptr, b->len};
}

struct str buffer_str(const struct buffer *b)
{
    return (struct str){(const char *)b->ptr, b->len};
}
