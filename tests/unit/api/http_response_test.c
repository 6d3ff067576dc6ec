// SPDX-License-Identifier: ISC
#include "api/http/http_response.h"

#include "tests/support/test.h"

struct fixture {
    struct arena *arena;
    struct http_response res;
};

static int set_up(void **state)
{
    static struct fixture f;
    f.arena = arena_new(65536);
    http_response_init(&f.res, f.arena);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_response_done(&f->res);
    arena_free(f->arena);
    return 0;
}

static void error_replaces_the_body_and_is_escaped(void **state)
{
    struct fixture *f = *state;
    f->res.content_type = "text/plain";
    buffer_append_c(&f->res.body, "half an answer");
    http_response_error(&f->res, 400, STR("no \"such\"\nfield"));
    assert_int_equal(400, f->res.status);
    assert_string_equal("application/json", f->res.content_type);
    assert_str("{\"errors\":[\"no \\\"such\\\"\\nfield\"]}", buffer_str(&f->res.body));
}

static void error_without_message_has_an_empty_list(void **state)
{
    struct fixture *f = *state;
    http_response_error(&f->res, 404, (struct str){NULL, 0});
    assert_str("{\"errors\":[]}", buffer_str(&f->res.body));
}

static void internal_failures_dont_tell_their_reason(void **state)
{
    struct fixture *f = *state;
    http_response_fail(&f->res, MAKE_STATUS(INTERNAL, "row 7 has no key"));
    assert_int_equal(500, f->res.status);
    assert_str("{\"errors\":[\"internal error\"]}", buffer_str(&f->res.body));
    assert_int_equal(0, f->res.retry_after_s);
}

static void what_retrying_may_cure_says_when(void **state)
{
    struct fixture *f = *state;
    http_response_fail(&f->res, MAKE_STATUS(UNAVAILABLE, "no database"));
    assert_int_equal(503, f->res.status);
    assert_int_equal(1, f->res.retry_after_s);
    assert_str("{\"errors\":[\"no database\"]}", buffer_str(&f->res.body));
}

static void header_values_cant_break_out(void **state)
{
    struct fixture *f = *state;
    assert_status(INVALID, http_response_add_header(&f->res, "X-A", STR("a\r\nX-B: c")));
    for (int i = 0; i < HTTP_EXTRA_HEADERS; i++) {
        assert_ok(http_response_add_header(&f->res, "X-A", STR("a")));
    }
    assert_status(LIMIT, http_response_add_header(&f->res, "X-A", STR("a")));
}

static void without_a_server_a_stream_fills_the_body(void **state)
{
    struct fixture *f = *state;
    assert_ok(http_response_write(&f->res, bytes_from_str(STR("one "))));
    assert_ok(http_response_write(&f->res, bytes_from_str(STR("two"))));
    assert_str("one two", buffer_str(&f->res.body));
    http_response_abort(&f->res, MAKE_STATUS(UPSTREAM, "gave up"));
    assert_int_equal(502, f->res.status);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(error_replaces_the_body_and_is_escaped),
        TEST(error_without_message_has_an_empty_list),
        TEST(internal_failures_dont_tell_their_reason),
        TEST(what_retrying_may_cure_says_when),
        TEST(header_values_cant_break_out),
        TEST(without_a_server_a_stream_fills_the_body),
    };
    return RUN_TESTS(tests);
}
