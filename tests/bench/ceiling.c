// SPDX-License-Identifier: ISC
// The ceiling: what libmicrohttpd alone does on this machine. External epoll, one daemon per
// worker, one shared listening socket, a constant answer; no fiber, no suspend, no database.
//
//     bench_ceiling [port [workers [answer bytes]]]
//
// Prints "ready <port>" and serves until it is killed.
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { DEFAULT_PORT = 8290, DEFAULT_BYTES = 340, WORKERS_MAX = 64, POOL_BYTES = 8192 };

static char *answer;
static size_t answer_len;

// lint: allow(parameters) libmicrohttpd's callback
static enum MHD_Result respond(void *ctx, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **state)
{
    (void)ctx;
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    (void)upload_len;
    static char seen;
    if (*state == NULL) {
        *state = &seen; // answered at the second call, so that the connection is kept
        return MHD_YES;
    }
    struct MHD_Response *r =
        MHD_create_response_from_buffer(answer_len, answer, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(r, "Content-Type", "application/json");
    MHD_add_response_header(r, "Cache-Control", "no-store");
    enum MHD_Result queued = MHD_queue_response(mhd, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return queued;
}

static int listen_on(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 ||
        listen(fd, SOMAXCONN) != 0) {
        perror("bench_ceiling: listen");
        exit(1);
    }
    return fd;
}

static void *serve(void *listening)
{
    const int *fd = listening;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, respond, NULL, MHD_OPTION_LISTEN_SOCKET, *fd,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "bench_ceiling: libmicrohttpd doesn't start\n");
        exit(1);
    }
    int epoll_fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    for (;;) {
        MHD_UNSIGNED_LONG_LONG wait_ms = 0;
        MHD_run(daemon);
        int timeout = MHD_get_timeout(daemon, &wait_ms) == MHD_YES ? (int)wait_ms : -1;
        struct pollfd p = {.fd = epoll_fd, .events = POLLIN};
        poll(&p, 1, timeout);
    }
    return NULL;
}

static long argument(int argc, char **argv, int at, long otherwise, long max)
{
    long value = argc > at ? strtol(argv[at], NULL, 10) : otherwise;
    if (value < 1 || value > max) {
        fprintf(stderr, "usage: bench_ceiling [port [workers [answer bytes]]]\n");
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    uint16_t port = (uint16_t)argument(argc, argv, 1, DEFAULT_PORT, UINT16_MAX);
    long workers = argument(argc, argv, 2, 1, WORKERS_MAX);
    answer_len = (size_t)argument(argc, argv, 3, DEFAULT_BYTES, 1 << 20);
    answer = malloc(answer_len);
    if (answer == NULL) {
        return 1;
    }
    memset(answer, 'x', answer_len);
    int fd = listen_on(port);
    printf("ready %u\n", (unsigned)port);
    fflush(stdout);
    for (long i = 1; i < workers; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, &fd) != 0) {
            return 1;
        }
    }
    serve(&fd);
    return 0;
}
