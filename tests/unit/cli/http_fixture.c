// SPDX-License-Identifier: ISC
#include "tests/unit/cli/http_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vault/base/macros.h"

static size_t body_length(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");
    return at == NULL ? 0 : strtoul(at + strlen("\r\nContent-Length:"), NULL, 10);
}

static void receive_request(int fd, char *into)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, into + len, HTTP_FIXTURE_BYTES - 1 - len);
        if (n <= 0) {
            return;
        }
        len += (size_t)n;
        into[len] = '\0';
        const char *end = strstr(into, "\r\n\r\n");
        if (end != NULL && len >= (size_t)(end + 4 - into) + body_length(into)) {
            return;
        }
    }
}

static void send_answer(int fd, const struct http_answer *answer)
{
    const char *body = answer->body == NULL ? "" : answer->body;
    dprintf(fd,
            "HTTP/1.1 %d Fixture\r\nContent-Type: application/json\r\nConnection: close\r\n"
            "%sContent-Length: %zu\r\n\r\n%s",
            answer->code, answer->headers == NULL ? "" : answer->headers, strlen(body), body);
}

static void *serve(void *context)
{
    struct http_fixture *f = context;
    while (f->request_count < f->answer_count) {
        int fd = accept(f->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        receive_request(fd, f->requests[f->request_count]);
        send_answer(fd, &f->answers[f->request_count]);
        f->request_count++;
        close(fd);
    }
    return NULL;
}

static int listen_tcp(struct http_fixture *f)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    snprintf(f->address, sizeof f->address, "http://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    return fd;
}

static int listen_unix(struct http_fixture *f, const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    snprintf(f->address, sizeof f->address, "unix:%s", path);
    return fd;
}

void http_fixture_start(struct http_fixture *f, const char *path, const struct http_answer *answers,
                        size_t count)
{
    memset(f, 0, sizeof *f);
    REQUIRE(count <= HTTP_FIXTURE_REQUESTS);
    f->answers = answers;
    f->answer_count = count;
    f->listener = path == NULL ? listen_tcp(f) : listen_unix(f, path);
    REQUIRE(listen(f->listener, 8) == 0);
    REQUIRE(pthread_create(&f->thread, NULL, serve, f) == 0);
}

void http_fixture_stop(struct http_fixture *f)
{
    // Wakes an accept() that nobody will answer any more.
    shutdown(f->listener, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    close(f->listener);
}

const char *http_fixture_line(const struct http_fixture *f, size_t index)
{
    static char line[4096];
    const char *text = index < f->request_count ? f->requests[index] : "(none) HTTP/1.1\r\n";
    const char *end = strstr(text, " HTTP/1.1\r\n");
    size_t len = end == NULL ? 0 : (size_t)(end - text);
    REQUIRE(len < sizeof line);
    memcpy(line, text, len);
    line[len] = '\0';
    return line;
}

const char *http_fixture_body(const struct http_fixture *f, size_t index)
{
    const char *end = index < f->request_count ? strstr(f->requests[index], "\r\n\r\n") : NULL;
    return end == NULL ? "" : end + 4;
}

int http_fixture_has_header(const struct http_fixture *f, size_t index, const char *line)
{
    char wanted[512];
    snprintf(wanted, sizeof wanted, "\r\n%s\r\n", line);
    return index < f->request_count && strstr(f->requests[index], wanted) != NULL;
}
