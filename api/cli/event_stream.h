// SPDX-License-Identifier: ISC
// Server-sent events as they come from a server, in pieces of any size
// (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6).
#pragma once

#include "vault/base/buffer.h"

enum { EVENT_STREAM_BYTES = 256 * 1024 }; // of one line, and of the data of one event

struct event_stream_event {
    struct str name; // "message" when it has none
    struct str data; // lines joined by newlines
};

struct event_stream {
    // Called for each event; a failure ends the reading.
    struct status (*got)(void *ctx, const struct event_stream_event *event);
    void *ctx;
    struct buffer last_id; // of what was seen: where to go on after a break
    // Private
    struct buffer line;
    struct buffer name;
    struct buffer data;
    bool after_cr;
};

void event_stream_init(struct event_stream *s);
void event_stream_done(struct event_stream *s);
// The connection broke: what is half there is forgotten, `last_id` is kept.
void event_stream_break(struct event_stream *s);
// TOO_LARGE, NOMEM, and what `got` fails with.
struct status event_stream_take(struct event_stream *s, struct bytes piece);
