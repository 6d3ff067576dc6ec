// SPDX-License-Identifier: ISC
#include "tests/unit/api/http_fixture.h"

#include <sys/socket.h>
#include <unistd.h>

static int set_up(void **state)
{
    static struct server s;
    server_init(&s);
    s.options.limits.send_us = 300000;
    server_start(&s);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    server_stop(*state);
    return 0;
}

static size_t count(const char *text, char wanted)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == wanted;
    }
    return n;
}

static void long_answer_arrives_whole(void **state)
{
    static char answer[4000000];
    struct server *s = *state;
    client_ask(s, "GET /stream?bytes=3000000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
               answer, sizeof answer);
    const char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(strstr(answer, "Transfer-Encoding: chunked\r\n"));
    assert_non_null(body);
    assert_int_equal(3000000, count(body, 'x'));
    assert_string_equal("\r\n0\r\n\r\n", answer + strlen(answer) - 7);
    assert_int_equal(STATUS_OK, atomic_load(&s->stream_result));
    assert_int_equal(3000000, server_stats(s).body_bytes_out);
}

static void connection_is_kept_after_a_stream(void **state)
{
    static char answer[8192];
    client_ask(*state,
               "GET /stream?bytes=3000 HTTP/1.1\r\nHost: h\r\n\r\n"
               "GET /echo/next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
               answer, sizeof answer);
    assert_non_null(strstr(answer, "echo/next"));
}

static void old_clients_get_the_stream_up_to_the_end_of_the_connection(void **state)
{
    static char answer[400000];
    client_ask(*state, "GET /stream?bytes=300000 HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_null(strstr(answer, "Transfer-Encoding"));
    assert_int_equal(300000, strlen(strstr(answer, "\r\n\r\n") + 4));
    sleep_ms(50);
}

static void given_up_stream_is_cut_without_an_end(void **state)
{
    static char answer[64000];
    client_ask(*state, "GET /abort HTTP/1.1\r\nHost: h\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_null(strstr(answer, "\r\n0\r\n\r\n"));
}

static void writer_is_told_that_the_client_left(void **state)
{
    struct server *s = *state;
    char part[2048];
    int fd = client_connect(s);
    client_send(fd, "GET /stream?bytes=500000000 HTTP/1.1\r\nHost: h\r\n\r\n");
    client_read(fd, "xxx", part, sizeof part);
    close(fd);
    for (int i = 0; i < 100 && !atomic_load(&s->finished); i++) {
        sleep_ms(10);
    }
    assert_true(atomic_load(&s->finished));
    assert_int_equal(STATUS_UNAVAILABLE, atomic_load(&s->stream_result));
}

static void writer_is_told_that_the_client_stopped_reading(void **state)
{
    struct server *s = *state;
    int fd = client_connect(s);
    client_send(fd, "GET /stream?bytes=500000000 HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 200 && !atomic_load(&s->finished); i++) {
        sleep_ms(10);
    }
    assert_true(atomic_load(&s->finished));
    assert_int_not_equal(STATUS_OK, atomic_load(&s->stream_result));
    close(fd);
}

static void room_ends_with_what_a_stream_may_hold(void **state)
{
    static char answer[200000];
    client_ask(*state, "GET /fill HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", answer,
               sizeof answer);
    assert_int_equal(60000, count(strstr(answer, "\r\n\r\n"), 'x'));
}

static void head_of_a_stream_has_no_body(void **state)
{
    char answer[2048];
    client_ask(*state, "HEAD /stream?bytes=300000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
               answer, sizeof answer);
    assert_string_equal("\r\n\r\n", answer + strlen(answer) - 4);
}

static void long_body_arrives_whole(void **state)
{
    static char answer[4000000];
    client_ask(*state, "GET /large?bytes=3000000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
               answer, sizeof answer);
    assert_non_null(strstr(answer, "Content-Length: 3000000\r\n"));
    assert_int_equal(3000000, count(strstr(answer, "\r\n\r\n"), 'x'));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(long_answer_arrives_whole),
        TEST(connection_is_kept_after_a_stream),
        TEST(old_clients_get_the_stream_up_to_the_end_of_the_connection),
        TEST(given_up_stream_is_cut_without_an_end),
        TEST(writer_is_told_that_the_client_left),
        TEST(writer_is_told_that_the_client_stopped_reading),
        TEST(room_ends_with_what_a_stream_may_hold),
        TEST(head_of_a_stream_has_no_body),
        TEST(long_body_arrives_whole),
    };
    return RUN_TESTS(tests);
}
