// SPDX-License-Identifier: ISC
// Clients that are slow, silent or gone. Limits: header 200 ms, body 400 ms, idle 900 ms.
#include "tests/unit/api/http_fixture.h"

#include <poll.h>
#include <unistd.h>

static int set_up(void **state)
{
    static struct server s;
    server_init(&s);
    s.options.limits.header_us = 200000;
    s.options.limits.body_us = 400000;
    s.options.limits.idle_us = 900000;
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

// Sends one byte every 30 ms until the server closes; how long that took.
static int64_t trickle(int fd)
{
    int64_t begin = clock_monotonic_us();
    for (int i = 0; i < 100; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        client_send(fd, "x");
        if (poll(&p, 1, 30) == 1) {
            break;
        }
    }
    return (clock_monotonic_us() - begin) / 1000;
}

static void trickled_header_is_shut(void **state)
{
    struct server *s = *state;
    int fd = client_connect(s);
    client_send(fd, "GET /echo HTTP/1.1\r\nX-A: ");
    int64_t took_ms = trickle(fd);
    close(fd);
    assert_in_range(took_ms, 100, 400);
    assert_int_equal(1, server_stats(s).timeouts);
    assert_int_equal(0, atomic_load(&s->handled));
}

static void trickled_request_line_on_a_kept_connection_is_shut(void **state)
{
    struct server *s = *state;
    char answer[1024];
    int fd = client_connect(s);
    client_send(fd, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    client_read(fd, "\r\n\r\n", answer, sizeof answer);
    int64_t took_ms = trickle(fd);
    close(fd);
    assert_in_range(took_ms, 100, 800);
    assert_int_equal(1, server_stats(s).timeouts);
}

static void trickled_body_is_shut(void **state)
{
    struct server *s = *state;
    int fd = client_connect(s);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
    int64_t took_ms = trickle(fd);
    close(fd);
    assert_in_range(took_ms, 300, 700);
    assert_int_equal(1, server_stats(s).timeouts);
    assert_int_equal(0, atomic_load(&s->handled));
}

static void connection_opened_ahead_of_need_is_idle_not_slow(void **state)
{
    struct server *s = *state;
    char answer[1024];
    int fd = client_connect(s);
    sleep_ms(500);
    client_send(fd, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_false(client_read(fd, "\r\n\r\n", answer, sizeof answer));
    assert_int_equal(0, server_stats(s).timeouts);
    close(fd);
}

static void idle_connection_is_closed(void **state)
{
    struct server *s = *state;
    char answer[1024];
    int fd = client_connect(s);
    client_send(fd, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    client_read(fd, "\r\n\r\n", answer, sizeof answer);
    assert_in_range(client_ms_until_closed(fd), 800, 1400);
    assert_int_equal(0, server_stats(s).timeouts);
    close(fd);
}

static void slow_handler_is_not_a_slow_client(void **state)
{
    struct server *s = *state;
    char answer[1024];
    client_ask(s, "GET /sleep HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", answer,
               sizeof answer);
    assert_non_null(strstr(answer, "slept"));
    assert_false(atomic_load(&s->abandoned));
}

static void client_that_left_is_noticed_while_the_handler_runs(void **state)
{
    struct server *s = *state;
    int fd = client_connect(s);
    client_send(fd, "GET /sleep HTTP/1.1\r\nHost: h\r\n\r\n");
    server_wait_for_requests(s, 1);
    close(fd);
    sleep_ms(100);
    assert_true(atomic_load(&s->on_abandon_called));
    assert_false(atomic_load(&s->finished));
    sleep_ms(400);
    assert_true(atomic_load(&s->finished));
    assert_true(atomic_load(&s->abandoned));
    assert_int_equal(1, server_stats(s).abandoned);
}

static void client_that_doesnt_read_its_answer_is_shut(void **state)
{
    struct server *s = *state;
    int fd = client_connect(s);
    client_send(fd, "GET /large?bytes=50000000 HTTP/1.1\r\nHost: h\r\n\r\n");
    sleep_ms(1000);
    assert_int_equal(1, server_stats(s).timeouts);
    close(fd);
}

static int64_t process_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void clients_that_left_cost_no_processor_time(void **state)
{
    struct server *s = *state;
    int fd = client_connect(s);
    client_send(fd, "GET /sleep HTTP/1.1\r\nHost: h\r\n\r\n");
    server_wait_for_requests(s, 1);
    close(fd);
    int64_t before_us = process_cpu_us();
    sleep_ms(200);
    assert_true(process_cpu_us() - before_us < 50000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(trickled_header_is_shut),
        TEST(trickled_request_line_on_a_kept_connection_is_shut),
        TEST(trickled_body_is_shut),
        TEST(connection_opened_ahead_of_need_is_idle_not_slow),
        TEST(idle_connection_is_closed),
        TEST(slow_handler_is_not_a_slow_client),
        TEST(client_that_left_is_noticed_while_the_handler_runs),
        TEST(client_that_doesnt_read_its_answer_is_shut),
        TEST(clients_that_left_cost_no_processor_time),
    };
    return RUN_TESTS(tests);
}
