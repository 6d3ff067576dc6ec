// SPDX-License-Identifier: ISC
#include "api/cli/event_stream.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

enum { TOLD_BYTES = 4096 };

// "name=data;" of each event.
static char told[TOLD_BYTES];

static struct status note(void *ctx, const struct event_stream_event *event)
{
    size_t len = strlen(told);
    (void)ctx;
    snprintf(told + len, sizeof told - len, "%.*s=%.*s;", STR_ARG(event->name),
             STR_ARG(event->data));
    return OK_STATUS;
}

static struct status refuse(void *ctx, const struct event_stream_event *event)
{
    (void)ctx;
    (void)event;
    FAIL(UNAVAILABLE, "nobody listens");
}

static void begin(struct event_stream *s)
{
    told[0] = '\0';
    event_stream_init(s);
    s->got = note;
}

static void take(struct event_stream *s, const char *text)
{
    assert_int_equal(STATUS_OK, event_stream_take(s, bytes_from_str(str_from_c(text))).code);
}

static void assert_last_id(const struct event_stream *s, const char *expected)
{
    assert_true(str_equal_c(buffer_str(&s->last_id), expected));
}

static void an_event_has_name_data_and_id(void **state)
{
    struct event_stream s CLEANUP(event_stream_done);
    (void)state;
    begin(&s);
    take(&s, "id: 7\nevent: rotated\ndata: {\"a\": 1}\n\n");
    assert_string_equal("rotated={\"a\": 1};", told);
    assert_last_id(&s, "7");
}

static void pieces_of_any_size_are_the_same(void **state)
{
    static const char text[] = "id: 1\r\nevent: a\r\ndata: x\r\ndata:y\r\n\r\nid: 2\rdata: z\r\r";
    (void)state;
    for (size_t size = 1; size < sizeof text; size++) {
        struct event_stream s CLEANUP(event_stream_done);
        begin(&s);
        for (size_t at = 0; at < sizeof text - 1; at += size) {
            size_t len = size < sizeof text - 1 - at ? size : sizeof text - 1 - at;
            struct str piece = {text + at, len};
            assert_int_equal(STATUS_OK, event_stream_take(&s, bytes_from_str(piece)).code);
        }
        assert_string_equal("a=x\ny;message=z;", told);
        assert_last_id(&s, "2");
    }
}

static void comments_and_ids_alone_are_no_events(void **state)
{
    struct event_stream s CLEANUP(event_stream_done);
    (void)state;
    begin(&s);
    take(&s, ": still here\nid: 9\n\nretry: 1000\n\nevent: lost\n\nunknown\n\n");
    assert_string_equal("", told);
    assert_last_id(&s, "9");
}

static void a_break_forgets_what_is_half_there_and_keeps_the_id(void **state)
{
    struct event_stream s CLEANUP(event_stream_done);
    (void)state;
    begin(&s);
    take(&s, "id: 3\ndata: whole\n\nevent: half\ndata: ha");
    event_stream_break(&s);
    take(&s, "data: next\n\n");
    assert_string_equal("message=whole;message=next;", told);
    assert_last_id(&s, "3");
}

static void a_line_without_an_end_is_refused(void **state)
{
    struct event_stream s CLEANUP(event_stream_done);
    static uint8_t piece[EVENT_STREAM_BYTES + 1];
    (void)state;
    begin(&s);
    memset(piece, 'x', sizeof piece);
    assert_int_not_equal(STATUS_OK,
                         event_stream_take(&s, (struct bytes){piece, sizeof piece}).code);
}

static void what_the_listener_fails_with_ends_it(void **state)
{
    struct event_stream s CLEANUP(event_stream_done);
    (void)state;
    begin(&s);
    s.got = refuse;
    assert_int_equal(STATUS_UNAVAILABLE,
                     event_stream_take(&s, bytes_from_str(STR("data: x\n\n"))).code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_name_data_and_id),
        cmocka_unit_test(pieces_of_any_size_are_the_same),
        cmocka_unit_test(comments_and_ids_alone_are_no_events),
        cmocka_unit_test(a_break_forgets_what_is_half_there_and_keeps_the_id),
        cmocka_unit_test(a_line_without_an_end_is_refused),
        cmocka_unit_test(what_the_listener_fails_with_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
