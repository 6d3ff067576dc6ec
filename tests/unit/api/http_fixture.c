// SPDX-License-Identifier: ISC
#include "tests/unit/api/http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vault/base/sanitizer.h"

enum { PATIENCE_MS = 5000, STREAM_PART = 6000 };

void sleep_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void line(struct http_response *res, struct str text)
{
    buffer_append_str(&res->body, text);
    buffer_append_byte(&res->body, '\n');
}

static void echo(const struct http_request *req, struct http_response *res)
{
    res->content_type = "text/plain";
    line(res, str_from_c(http_method_name(req->method)));
    line(res, req->path.text);
    line(res, req->token);
    line(res, req->remote);
    buffer_append(&res->body, req->body);
}

static void note_abandon(void *server)
{
    struct server *s = server;
    atomic_store(&s->on_abandon_called, true);
}

static void sleep_a_while(struct server *s, struct http_request *req, struct http_response *res)
{
    req->on_abandon = note_abandon;
    req->on_abandon_ctx = s;
    fiber_sleep_until(clock_monotonic_us() + 300000);
    atomic_store(&s->abandoned, req->abandoned);
    buffer_append_c(&res->body, "slept");
}

static int64_t wanted_bytes(const struct http_request *req)
{
    struct str text;
    int64_t count = 0;
    assert_true(http_params_get(&req->query, STR("bytes"), &text));
    assert_ok(str_parse_int(text, &count));
    return count;
}

static void stream(struct server *s, struct http_response *res, int64_t bytes)
{
    uint8_t part[STREAM_PART];
    struct status status = OK_STATUS;
    memset(part, 'x', sizeof part);
    while (bytes > 0 && status_ok(status)) {
        size_t len = bytes < STREAM_PART ? (size_t)bytes : STREAM_PART;
        status = http_response_write(res, (struct bytes){part, len});
        bytes -= (int64_t)len;
    }
    atomic_store(&s->stream_result, status.code);
}

// As much as goes without waiting for the client.
static void fill(struct http_response *res)
{
    uint8_t part[STREAM_PART];
    memset(part, 'x', sizeof part);
    while (http_response_has_room(res, sizeof part)) {
        assert_ok(http_response_write(res, (struct bytes){part, sizeof part}));
    }
}

static void large(struct http_response *res, int64_t bytes)
{
    uint8_t *at = buffer_extend(&res->body, (size_t)bytes);
    assert_non_null(at);
    memset(at, 'x', (size_t)bytes);
}

static void handle(void *ctx, struct http_request *req, struct http_response *res)
{
    struct server *s = ctx;
    struct str name = req->path.count == 0 ? STR("") : req->path.segments[0];
    atomic_fetch_add(&s->handled, 1);
    if (str_equal(name, STR("echo"))) {
        echo(req, res);
    } else if (str_equal(name, STR("sleep"))) {
        sleep_a_while(s, req, res);
    } else if (str_equal(name, STR("stream"))) {
        stream(s, res, wanted_bytes(req));
    } else if (str_equal(name, STR("fill"))) {
        fill(res);
    } else if (str_equal(name, STR("abort"))) {
        stream(s, res, 2 * STREAM_PART);
        http_response_abort(res, MAKE_STATUS(UPSTREAM, "gave up"));
    } else if (str_equal(name, STR("large"))) {
        large(res, wanted_bytes(req));
    }
    atomic_store(&s->finished, true);
}

void server_init(struct server *s)
{
    *s = (struct server){.options = {.address = STR("127.0.0.1:0")}};
    s->options.limits = http_limits_default();
}

static void *run(void *server)
{
    struct server *s = server;
    loop_run(s->loop);
    return NULL;
}

void server_start(struct server *s)
{
    assert_ok(http_listener_open(&s->options, &s->listener));
    assert_ok(loop_new(&s->loop));
    assert_ok(http_worker_new(s->listener, s->loop, (struct http_service){handle, s}, &s->worker));
    assert_int_equal(0, pthread_create(&s->thread, NULL, run, s));
}

static void drained(void *server)
{
    struct server *s = server;
    loop_stop(s->loop);
}

static void begin_drain(struct loop_task *task)
{
    struct server *s = CONTAINER_OF(task, struct server, stop_task);
    http_worker_drain(s->worker, drained, s);
}

void server_drain(struct server *s)
{
    if (!atomic_exchange(&s->draining, true)) {
        s->stop_task.run = begin_drain;
        loop_post(s->loop, &s->stop_task);
    }
}

void server_stop(struct server *s)
{
    server_drain(s);
    pthread_join(s->thread, NULL);
    http_worker_free(s->worker);
    loop_free(s->loop);
    http_listener_free(s->listener);
}

struct http_stats server_stats(const struct server *s)
{
    struct http_stats stats;
    http_worker_stats(s->worker, &stats);
    return stats;
}

void server_wait_for_requests(const struct server *s, unsigned count)
{
    for (int i = 0; i < PATIENCE_MS / 5 && atomic_load(&s->handled) < count; i++) {
        sleep_ms(5);
    }
    assert_int_equal(count, atomic_load(&s->handled));
}

int client_connect(const struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(http_listener_port(s->listener));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(0, connect(fd, (const struct sockaddr *)&a, sizeof a));
    return fd;
}

bool client_send_bytes(int fd, struct bytes data)
{
    size_t sent = 0;
    while (sent < data.len) {
        ssize_t n = send(fd, data.ptr + sent, data.len - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        sent += (size_t)n;
    }
    return true;
}

void client_send(int fd, const char *text)
{
    client_send_bytes(fd, bytes_from_str(str_from_c(text)));
}

bool client_read(int fd, const char *until, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    while (until == NULL || strstr(out, until) == NULL) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
        char rest[4096];
        bool room = len + 1 < size;
        ssize_t n = room ? recv(fd, out + len, size - len - 1, 0) : recv(fd, rest, sizeof rest, 0);
        if (n <= 0) {
            return true;
        }
        len += room ? (size_t)n : 0;
        out[len] = '\0';
    }
    return false;
}

void client_ask(const struct server *s, const char *request, char *out, size_t size)
{
    int fd = client_connect(s);
    client_send(fd, request);
    client_read(fd, NULL, out, size);
    close(fd);
}

int64_t client_ms_until_closed(int fd)
{
    int64_t begin = clock_monotonic_us();
    char ignored[1];
    client_read(fd, NULL, ignored, sizeof ignored);
    return (clock_monotonic_us() - begin) / 1000;
}

static const uint8_t masked_marker[MARKER_BYTES] = {
    0x19, 0x8a, 0x2b, 0xc4, 0x3d, 0xe6, 0x5f, 0x00, 0x77, 0x91, 0x1e, 0xa3,
    0x44, 0xb5, 0x06, 0xd7, 0x68, 0xf9, 0x0a, 0x8b, 0x1c, 0xad, 0x3e, 0xcf,
};

// Printable, so that it may stand in a header.
static char marker_byte(size_t i)
{
    return (char)('!' + (masked_marker[i] ^ 0x5A) % 90);
}

void marker_write(char out[MARKER_BYTES])
{
    for (size_t i = 0; i < MARKER_BYTES; i++) {
        out[i] = marker_byte(i);
    }
}

static size_t count_in(const char *from, const char *to)
{
    size_t found = 0;
    for (const char *at = from; at + MARKER_BYTES <= to; at++) {
        size_t i = 0;
        while (i < MARKER_BYTES && at[i] == marker_byte(i)) {
            i++;
        }
        found += i == MARKER_BYTES;
    }
    return found;
}

// "55d0c0a1f000-55d0c0a21000 rw-p ...": false when it isn't memory to look at.
static bool parse_mapping(const char *text, uintptr_t *from, uintptr_t *to)
{
    char *end;
    *from = strtoul(text, &end, 16);
    *to = *end == '-' ? strtoul(end + 1, &end, 16) : 0;
    return strncmp(end, " rw", 3) == 0 && strstr(text, "[v") == NULL;
}

size_t marker_count(void)
{
    if (SANITIZED) {
        skip();
    }
    FILE *maps = fopen("/proc/self/maps", "re");
    char text[512];
    size_t found = 0;
    assert_non_null(maps);
    while (fgets(text, sizeof text, maps) != NULL) {
        uintptr_t from;
        uintptr_t to;
        if (parse_mapping(text, &from, &to)) {
            found += count_in((const char *)from, (const char *)to);
        }
    }
    fclose(maps);
    return found;
}
