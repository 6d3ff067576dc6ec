// SPDX-License-Identifier: ISC
// Writing JSON into a growable buffer. Commas and escapes take care of themselves; text that isn't
// UTF-8 comes out with U+FFFD in the place of what is malformed, so that the answer is always JSON.
// Like the buffer, it remembers the first failure: write all of it, then ask json_writer_status().
//
//     struct json_writer w = json_writer_on(&buffer);
//     json_begin_object(&w);
//     json_add_string(&w, "name", name);
//     json_put_key(&w, "data");
//     json_put_raw(&w, stored);
//     json_end_object(&w);
//     TRY(json_writer_status(&w));
#pragma once

#include "vault/base/buffer.h"

struct json_writer {
    struct buffer *out;
    uint32_t depth; // arrays and objects still open
    bool comma;     // something stands before the next item
};

struct json_writer json_writer_on(struct buffer *out);
// OK, NOMEM or TOO_LARGE. Everything that was begun must have been ended.
struct status json_writer_status(const struct json_writer *w);

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);

// Inside an object each value follows its key.
void json_put_key(struct json_writer *w, const char *key);
void json_put_key_str(struct json_writer *w, struct str key);

void json_put_string(struct json_writer *w, struct str value);
void json_put_int(struct json_writer *w, int64_t value);
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);
void json_put_time(struct json_writer *w, int64_t wall_us); // RFC 3339 in UTC
void json_put_base64(struct json_writer *w, struct bytes value);
// JSON that is known to be valid: what json_raw() gave, or what a writer made.
void json_put_raw(struct json_writer *w, struct str json);

// A key and its value.
void json_add_string(struct json_writer *w, const char *key, struct str value);
void json_add_int(struct json_writer *w, const char *key, int64_t value);
void json_add_bool(struct json_writer *w, const char *key, bool value);
void json_add_null(struct json_writer *w, const char *key);
void json_add_time(struct json_writer *w, const char *key, int64_t wall_us);
void json_add_raw(struct json_writer *w, const char *key, struct str json);
// The string, or null when it is empty.
void json_add_string_or_null(struct json_writer *w, const char *key, struct str value);
// An array of strings.
void json_add_strings(struct json_writer *w, const char *key, const struct str *items,
                      size_t count);
