// SPDX-License-Identifier: ISC
#include "tests/unit/api/http_fixture.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int set_up(void **state)
{
    static struct server s;
    server_init(&s);
    s.options.limits.body_bytes = 100000;
    s.options.limits.connections_per_address = 4;
    server_start(&s);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    server_stop(*state);
    return 0;
}

static void assert_contains(const char *text, const char *wanted)
{
    if (strstr(text, wanted) == NULL) {
        fail_msg("no \"%s\" in: %s", wanted, text);
    }
}

static void assert_begins(const char *text, const char *wanted)
{
    if (strncmp(text, wanted, strlen(wanted)) != 0) {
        fail_msg("expected \"%s\", got: %s", wanted, text);
    }
}

static void request_reaches_the_handler_whole(void **state)
{
    char answer[2048];
    client_ask(*state,
               "PUT /echo/a%20b/?x=1 HTTP/1.1\r\nHost: h\r\nX-Vault-Token: s.tok\r\n"
               "Connection: close\r\nContent-Length: 5\r\n\r\nhello",
               answer, sizeof answer);
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "\r\nContent-Type: text/plain\r\n");
    assert_contains(answer, "\r\nCache-Control: no-store\r\n");
    assert_contains(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_contains(answer, "\r\n\r\nPOST\necho/a b/\ns.tok\n127.0.0.1:");
    assert_contains(answer, "\nhello");
}

static void chunked_body_arrives_whole(void **state)
{
    char answer[2048];
    client_ask(*state,
               "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
               "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
               answer, sizeof answer);
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "\nhello world");
}

static void answer_without_body_is_204(void **state)
{
    char answer[2048];
    client_ask(*state, "GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", answer,
               sizeof answer);
    assert_begins(answer, "HTTP/1.1 204 ");
    assert_null(strstr(answer, "Content-Type"));
    assert_string_equal("\r\n\r\n", answer + strlen(answer) - 4);
}

static void head_has_length_and_no_body(void **state)
{
    char answer[2048];
    client_ask(*state, "HEAD /large?bytes=50 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
               answer, sizeof answer);
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "\r\nContent-Length: 50\r\n");
    assert_string_equal("\r\n\r\n", answer + strlen(answer) - 4);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    char answer[4096];
    client_ask(*state,
               "GET /sleep HTTP/1.1\r\nHost: h\r\n\r\n"
               "POST /echo/2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
               "GET /echo/3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
               answer, sizeof answer);
    const char *first = strstr(answer, "slept");
    const char *second = strstr(answer, "echo/2");
    const char *third = strstr(answer, "echo/3");
    assert_non_null(first);
    assert_true(first < second && second < third);
    assert_contains(answer, "\nabc");
}

static void ambiguous_framing_is_refused_and_closed(void **state)
{
    static const char *const fields[] = {
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 30\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\nContent-Length : 3\r\n",
        "Content-Length : 3\r\n",
    };
    struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        char request[512];
        char answer[4096];
        snprintf(request, sizeof request,
                 "POST /echo HTTP/1.1\r\nHost: h\r\n%s\r\n0\r\n\r\n"
                 "GET /echo/smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
                 fields[i]);
        client_ask(s, request, answer, sizeof answer);
        assert_begins(answer, "HTTP/1.1 400 ");
        assert_contains(answer, "\r\nConnection: close\r\n");
        assert_contains(answer, "{\"errors\":[\"");
        assert_null(strstr(answer, "smuggled"));
    }
    assert_int_equal(0, atomic_load(&s->handled));
    assert_int_equal(ARRAY_LEN(fields), server_stats(s).refused_requests);
}

static void bad_targets_are_refused_with_the_reason(void **state)
{
    static const char *const targets[] = {"/a/../b", "/a%2Fb", "/a%00b", "//", "/a?b=1&b=2"};
    struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        char request[128];
        char answer[2048];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", targets[i]);
        client_ask(s, request, answer, sizeof answer);
        assert_begins(answer, "HTTP/1.1 400 ");
        assert_contains(answer, "\r\nContent-Type: application/json\r\n");
        assert_contains(answer, "{\"errors\":[\"");
    }
    assert_int_equal(0, atomic_load(&s->handled));
}

static void nul_in_the_request_line_is_refused(void **state)
{
    static const uint8_t request[] = "GET /echo/a\0b HTTP/1.1\r\nHost: h\r\n\r\n";
    struct server *s = *state;
    char answer[2048];
    int fd = client_connect(s);
    client_send_bytes(fd, (struct bytes){request, sizeof request - 1});
    client_read(fd, NULL, answer, sizeof answer);
    close(fd);
    assert_begins(answer, "HTTP/1.1 400 ");
    assert_int_equal(0, atomic_load(&s->handled));
}

static void unknown_method_is_405_with_allow(void **state)
{
    char answer[2048];
    client_ask(*state, "BREW /echo HTTP/1.1\r\nHost: h\r\n\r\n", answer, sizeof answer);
    assert_begins(answer, "HTTP/1.1 405 ");
    assert_contains(answer, "\r\nAllow: GET, HEAD, POST, PUT, DELETE, LIST, SCAN, ");
}

static void announced_large_body_is_refused_before_it_is_sent(void **state)
{
    struct server *s = *state;
    char answer[2048];
    client_ask(s, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n", answer,
               sizeof answer);
    assert_begins(answer, "HTTP/1.1 413 ");
    assert_int_equal(0, server_stats(s).body_bytes_in);
}

// A client that writes its whole body before it reads must still see the answer.
static void large_body_gets_its_answer_and_no_reset(void **state)
{
    static uint8_t body[1000000];
    char answer[2048];
    int fd = client_connect(*state);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n");
    assert_true(client_send_bytes(fd, BYTES_OF(body)));
    sleep_ms(50);
    assert_true(client_send_bytes(fd, BYTES_OF(body)));
    assert_true(client_read(fd, NULL, answer, sizeof answer));
    close(fd);
    assert_begins(answer, "HTTP/1.1 413 ");
}

static void large_chunked_body_is_refused(void **state)
{
    static uint8_t chunk[0x10000];
    struct server *s = *state;
    char answer[2048];
    int fd = client_connect(s);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; i++) {
        client_send(fd, "10000\r\n");
        client_send_bytes(fd, BYTES_OF(chunk));
        client_send(fd, "\r\n");
    }
    client_send(fd, "0\r\n\r\n");
    client_read(fd, NULL, answer, sizeof answer);
    close(fd);
    assert_begins(answer, "HTTP/1.1 413 ");
    assert_int_equal(0, atomic_load(&s->handled));
}

static void connections_beyond_the_limit_of_an_address_are_closed(void **state)
{
    struct server *s = *state;
    int fds[4];
    char answer[1024];
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = client_connect(s);
        client_send(fds[i], "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
        client_read(fds[i], "\r\n\r\n", answer, sizeof answer);
    }
    int extra = client_connect(s);
    client_ms_until_closed(extra);
    close(extra);
    assert_int_equal(1, server_stats(s).refused_connections);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
    sleep_ms(50);
    client_ask(s, "GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", answer,
               sizeof answer);
    assert_begins(answer, "HTTP/1.1 204 ");
}

static void malformed_requests_are_counted(void **state)
{
    struct server *s = *state;
    char answer[2048];
    client_ask(s, "GET /echo HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", answer, sizeof answer);
    assert_begins(answer, "HTTP/1.1 400 ");
    assert_int_equal(1, server_stats(s).malformed);
    assert_int_equal(0, atomic_load(&s->handled));
}

static void a_missing_host_is_answered_once(void **state)
{
    struct server *s = *state;
    char answer[2048];
    client_ask(s, "GET /none HTTP/1.1\r\nConnection: close\r\n\r\n", answer, sizeof answer);
    assert_begins(answer, "HTTP/1.1 400 ");
    assert_null(strstr(answer + 1, "HTTP/1.1"));
    assert_int_equal(0, atomic_load(&s->handled));
}

// libmicrohttpd would write the head of its own answer twice.
static void a_malformed_length_is_answered_once(void **state)
{
    static const char *const lengths[] = {"-1", "1x", "+1", "", "99999999999999999999999"};
    struct server *s = *state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        char request[128];
        char answer[2048];
        snprintf(request, sizeof request,
                 "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %s\r\n\r\n", lengths[i]);
        client_ask(s, request, answer, sizeof answer);
        assert_begins(answer, "HTTP/1.1 400 ");
        assert_contains(answer, "\r\n\r\n{\"errors\":[\"malformed Content-Length\"]}");
        assert_null(strstr(answer + 1, "HTTP/1.1"));
    }
    assert_int_equal(0, atomic_load(&s->handled));
}

static void others_go_on_beside_a_malformed_length(void **state)
{
    struct server *s = *state;
    char answer[2048];
    int fd = client_connect(s);
    client_send(fd, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    client_read(fd, "\r\n\r\n", answer, sizeof answer);
    client_ask(s, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", answer,
               sizeof answer);
    client_send(
        fd, "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
    client_read(fd, NULL, answer, sizeof answer);
    assert_begins(answer, "HTTP/1.1 200 ");
    close(fd);
    fd = client_connect(s);
    client_send(fd, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    client_read(fd, "\r\n\r\n", answer, sizeof answer);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n");
    client_read(fd, NULL, answer, sizeof answer);
    assert_begins(answer, "HTTP/1.1 400 ");
    assert_null(strstr(answer + 1, "HTTP/1.1"));
    close(fd);
}

static void drain_finishes_what_runs_and_refuses_what_comes(void **state)
{
    struct server *s = *state;
    char answer[4096];
    int idle = client_connect(s);
    int busy = client_connect(s);
    client_send(idle, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    client_read(idle, "\r\n\r\n", answer, sizeof answer);
    client_send(busy,
                "GET /sleep HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    server_wait_for_requests(s, 2);
    server_drain(s);
    assert_true(client_ms_until_closed(idle) < 200);
    assert_true(client_read(busy, NULL, answer, sizeof answer));
    assert_contains(answer, "slept");
    assert_contains(answer, "\r\nConnection: close\r\n");
    assert_int_equal(2, atomic_load(&s->handled));
    close(idle);
    close(busy);
}

static void token_and_body_leave_no_trace(void **state)
{
    struct server *s = *state;
    char answer[1024];
    char marker[MARKER_BYTES + 1] = "";
    int fd = client_connect(s);
    marker_write(marker);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 24\r\nX-Vault-Token: ");
    client_send(fd, marker);
    client_send(fd, "\r\nConnection: close\r\n\r\n");
    client_send(fd, marker);
    client_read(fd, NULL, answer, sizeof answer);
    close(fd);
    assert_contains(answer, marker);
    explicit_bzero(answer, sizeof answer);
    explicit_bzero(marker, sizeof marker);
    sleep_ms(50);
    assert_int_equal(0, marker_count());
}

static void unix_socket_tells_the_peer(void **state)
{
    (void)state;
    char folder[] = "/tmp/http-test-XXXXXX";
    char address[64];
    char answer[2048];
    char wanted[32];
    static struct server s;
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/s", folder);
    server_init(&s);
    s.options.address = str_from_c(address);
    server_start(&s);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, address + 5, strlen(address + 5));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(0, connect(fd, (const struct sockaddr *)&a, sizeof a));
    client_send(fd, "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client_read(fd, NULL, answer, sizeof answer);
    close(fd);
    snprintf(wanted, sizeof wanted, "\nunix:uid=%u\n", (unsigned)getuid());
    assert_contains(answer, wanted);
    server_stop(&s);
    rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request_reaches_the_handler_whole),
        TEST(chunked_body_arrives_whole),
        TEST(answer_without_body_is_204),
        TEST(head_has_length_and_no_body),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(ambiguous_framing_is_refused_and_closed),
        TEST(bad_targets_are_refused_with_the_reason),
        TEST(nul_in_the_request_line_is_refused),
        TEST(unknown_method_is_405_with_allow),
        TEST(announced_large_body_is_refused_before_it_is_sent),
        TEST(large_body_gets_its_answer_and_no_reset),
        TEST(large_chunked_body_is_refused),
        TEST(connections_beyond_the_limit_of_an_address_are_closed),
        TEST(malformed_requests_are_counted),
        TEST(a_missing_host_is_answered_once),
        TEST(a_malformed_length_is_answered_once),
        TEST(others_go_on_beside_a_malformed_length),
        TEST(drain_finishes_what_runs_and_refuses_what_comes),
        TEST(token_and_body_leave_no_trace),
        cmocka_unit_test(unix_socket_tells_the_peer),
    };
    return RUN_TESTS(tests);
}
