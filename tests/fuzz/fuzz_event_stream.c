// SPDX-License-Identifier: ISC
// What a server streams to the command line. Input: the stream. However it is cut into pieces, the
// same events come of it.
#include "api/cli/event_stream.h"
#include "tests/fuzz/fuzz.h"

struct seen {
    struct buffer text;
    size_t count;
};

static struct status note(void *ctx, const struct event_stream_event *event)
{
    struct seen *seen = ctx;
    REQUIRE(event->name.len > 0);
    buffer_append_str(&seen->text, event->name);
    buffer_append_byte(&seen->text, '\0');
    buffer_append_str(&seen->text, event->data);
    buffer_append_byte(&seen->text, '\0');
    seen->count++;
    return OK_STATUS;
}

static struct status read_in_pieces(struct bytes input, size_t piece, struct seen *seen,
                                    struct event_stream *s)
{
    buffer_init(&seen->text, LIMIT_ARENA_BYTES);
    event_stream_init(s);
    s->got = note;
    s->ctx = seen;
    while (input.len > 0) {
        size_t len = piece < input.len ? piece : input.len;
        TRY(event_stream_take(s, (struct bytes){input.ptr, len}));
        input = (struct bytes){input.ptr + len, input.len - len};
    }
    return OK_STATUS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes input = {data, size};
    struct seen whole = {.count = 0};
    struct seen pieces = {.count = 0};
    struct event_stream a;
    struct event_stream b;
    struct status first = read_in_pieces(input, size + 1, &whole, &a);
    struct status second = read_in_pieces(input, 1, &pieces, &b);
    REQUIRE(first.code == second.code && whole.count == pieces.count);
    REQUIRE(bytes_equal(buffer_bytes(&whole.text), buffer_bytes(&pieces.text)));
    REQUIRE(bytes_equal(buffer_bytes(&a.last_id), buffer_bytes(&b.last_id)));
    REQUIRE(str_is_text(buffer_str(&a.last_id)));
    event_stream_break(&a);
    event_stream_done(&a);
    event_stream_done(&b);
    buffer_done(&whole.text);
    buffer_done(&pieces.text);
    return 0;
}
