// SPDX-License-Identifier: ISC
#include "api/cli/event_stream.h"

enum { FIELD_BYTES = 1024 };

void event_stream_init(struct event_stream *s)
{
    *s = (struct event_stream){.got = NULL};
    buffer_init(&s->last_id, FIELD_BYTES);
    buffer_init(&s->line, EVENT_STREAM_BYTES);
    buffer_init(&s->name, FIELD_BYTES);
    buffer_init(&s->data, EVENT_STREAM_BYTES);
}

void event_stream_done(struct event_stream *s)
{
    buffer_done(&s->last_id);
    buffer_done(&s->line);
    buffer_done(&s->name);
    buffer_done(&s->data);
}

void event_stream_break(struct event_stream *s)
{
    buffer_clear(&s->line);
    buffer_clear(&s->name);
    buffer_clear(&s->data);
    s->after_cr = false;
}

static struct status set(struct buffer *field, struct str value)
{
    buffer_clear(field);
    buffer_append_str(field, value);
    return buffer_status(field);
}

// Without data there is no event: an id alone counts all the same.
static struct status end_event(struct event_stream *s)
{
    struct status told = OK_STATUS;
    if (s->data.len > 0) {
        const struct event_stream_event event = {
            .name = s->name.len > 0 ? buffer_str(&s->name) : STR("message"),
            .data = str_first(buffer_str(&s->data), s->data.len - 1)};
        told = s->got(s->ctx, &event);
    }
    buffer_clear(&s->name);
    buffer_clear(&s->data);
    return told;
}

static struct status take_field(struct event_stream *s, struct str name, struct str value)
{
    if (str_equal_c(name, "data")) {
        buffer_append_str(&s->data, value);
        buffer_append_byte(&s->data, '\n');
        return buffer_status(&s->data);
    }
    if (str_equal_c(name, "event")) {
        return set(&s->name, value);
    }
    if (str_equal_c(name, "id") && str_is_text(value)) {
        return set(&s->last_id, value);
    }
    return OK_STATUS; // comments, retry, what is unknown
}

static struct status take_line(struct event_stream *s, struct str line)
{
    struct str name;
    struct str value;
    if (line.len == 0) {
        return end_event(s);
    }
    if (!str_split(line, ':', &name, &value)) {
        value = STR("");
    }
    if (value.len > 0 && value.ptr[0] == ' ') {
        value = str_skip(value, 1);
    }
    return take_field(s, name, value);
}

struct status event_stream_take(struct event_stream *s, struct bytes piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        uint8_t c = piece.ptr[i];
        bool ends = c == '\r' || (c == '\n' && !s->after_cr);
        if (ends) {
            TRY(take_line(s, buffer_str(&s->line)));
            buffer_clear(&s->line);
        } else if (c != '\n') {
            buffer_append_byte(&s->line, c);
            TRY(buffer_status(&s->line));
        }
        s->after_cr = c == '\r';
    }
    return OK_STATUS;
}
