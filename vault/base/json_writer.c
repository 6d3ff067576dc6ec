// SPDX-License-Identifier: ISC
#include "vault/base/json_writer.h"

#include "vault/base/clock.h"
#include "vault/base/json_internal.h"
#include "vault/base/macros.h"
#include "vault/base/utf8.h"

struct json_writer json_writer_on(struct buffer *out)
{
    return (struct json_writer){.out = out};
}

struct status json_writer_status(const struct json_writer *w)
{
    REQUIRE(w->depth == 0);
    return buffer_status(w->out);
}

static void begin_item(struct json_writer *w)
{
    if (w->comma) {
        buffer_append_byte(w->out, ',');
    }
    w->comma = true;
}

static void begin(struct json_writer *w, uint8_t bracket)
{
    begin_item(w);
    buffer_append_byte(w->out, bracket);
    w->comma = false;
    w->depth++;
}

static void end(struct json_writer *w, uint8_t bracket)
{
    REQUIRE(w->depth > 0);
    w->depth--;
    buffer_append_byte(w->out, bracket);
    w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

static void append_escape(struct buffer *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char letter = c < 0x20 ? letters[c] : (char)c;
    if (letter != 0) {
        buffer_append(out, (struct bytes){(const uint8_t[]){'\\', (uint8_t)letter}, 2});
        return;
    }
    buffer_append_str(out, STR("\\u00"));
    buffer_append_byte(out, (uint8_t)hex[c >> 4]);
    buffer_append_byte(out, (uint8_t)hex[c & 15]);
}

// Writes the character that isn't plain ASCII at the start of `s`, gives the octets it took.
static size_t append_special(struct buffer *out, struct str s)
{
    unsigned char c = (unsigned char)s.ptr[0];
    if (c < 0x80) {
        append_escape(out, c);
        return 1;
    }
    size_t length = utf8_length(s);
    if (length == 0) {
        buffer_append_str(out, STR("\xEF\xBF\xBD"));
        return 1;
    }
    buffer_append_str(out, str_first(s, length));
    return length;
}

static void append_quoted(struct buffer *out, struct str s)
{
    buffer_append_byte(out, '"');
    while (s.len > 0) {
        size_t run = json_plain_prefix(s);
        buffer_append_str(out, str_first(s, run));
        s = str_skip(s, run);
        if (s.len > 0) {
            s = str_skip(s, append_special(out, s));
        }
    }
    buffer_append_byte(out, '"');
}

void json_put_key_str(struct json_writer *w, struct str key)
{
    begin_item(w);
    append_quoted(w->out, key);
    buffer_append_byte(w->out, ':');
    w->comma = false;
}

void json_put_key(struct json_writer *w, const char *key)
{
    json_put_key_str(w, str_from_c(key));
}

void json_put_string(struct json_writer *w, struct str value)
{
    begin_item(w);
    append_quoted(w->out, value);
}

void json_put_raw(struct json_writer *w, struct str json)
{
    begin_item(w);
    buffer_append_str(w->out, json);
}

void json_put_int(struct json_writer *w, int64_t value)
{
    begin_item(w);
    buffer_append_int(w->out, value);
}

void json_put_bool(struct json_writer *w, bool value)
{
    json_put_raw(w, value ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *w)
{
    json_put_raw(w, STR("null"));
}

void json_put_time(struct json_writer *w, int64_t wall_us)
{
    char text[CLOCK_TEXT_BYTES];
    clock_format(wall_us, text);
    json_put_string(w, str_from_c(text));
}

void json_put_base64(struct json_writer *w, struct bytes value)
{
    begin_item(w);
    buffer_append_byte(w->out, '"');
    buffer_append_base64(w->out, value);
    buffer_append_byte(w->out, '"');
}

void json_add_string(struct json_writer *w, const char *key, struct str value)
{
    json_put_key(w, key);
    json_put_string(w, value);
}

void json_add_int(struct json_writer *w, const char *key, int64_t value)
{
    json_put_key(w, key);
    json_put_int(w, value);
}

void json_add_bool(struct json_writer *w, const char *key, bool value)
{
    json_put_key(w, key);
    json_put_bool(w, value);
}

void json_add_null(struct json_writer *w, const char *key)
{
    json_put_key(w, key);
    json_put_null(w);
}

void json_add_time(struct json_writer *w, const char *key, int64_t wall_us)
{
    json_put_key(w, key);
    json_put_time(w, wall_us);
}

void json_add_raw(struct json_writer *w, const char *key, struct str json)
{
    json_put_key(w, key);
    json_put_raw(w, json);
}

void json_add_string_or_null(struct json_writer *w, const char *key, struct str value)
{
    if (value.len == 0) {
        json_add_null(w, key);
    } else {
        json_add_string(w, key, value);
    }
}

void json_add_strings(struct json_writer *w, const char *key, const struct str *items, size_t count)
{
    json_put_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        json_put_string(w, items[i]);
    }
    json_end_array(w);
}
