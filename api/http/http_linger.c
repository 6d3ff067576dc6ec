// SPDX-License-Identifier: ISC
#include "api/http/http_internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    LINGER_US = 2 * CLOCK_SECOND,
    LINGER_PARTS = 1024, // of LINGER_PART_BYTES each, then the client has had its chance
    LINGER_PART_BYTES = 4096,
    LINGER_MAX = 256, // at once and per worker; beyond it connections may be reset
};

struct http_linger {
    LIST_ENTRY(http_linger) entry;
    struct http_worker *worker;
    struct loop_source source;
    unsigned parts;
};

static void stop(struct http_linger *g)
{
    loop_remove(&g->source);
    close(g->source.fd);
    LIST_REMOVE(g, entry);
    g->worker->linger_count--;
    free(g);
}

static void on_event(struct loop_source *source, uint32_t events)
{
    struct http_linger *g = CONTAINER_OF(source, struct http_linger, source);
    char part[LINGER_PART_BYTES];
    if (events == 0) {
        stop(g);
        return;
    }
    ssize_t got = recv(source->fd, part, sizeof part, MSG_DONTWAIT);
    explicit_bzero(part, sizeof part);
    if (got <= 0 || ++g->parts == LINGER_PARTS) {
        stop(g);
    }
}

void http_linger_start(struct http_worker *w, int fd)
{
    struct http_linger *g = w->linger_count < LINGER_MAX ? calloc(1, sizeof *g) : NULL;
    if (g == NULL) {
        return;
    }
    g->source = (struct loop_source){
        .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
        .events = EPOLLIN,
        .deadline_us = clock_monotonic_us() + LINGER_US,
        .dispatch = on_event,
    };
    if (g->source.fd < 0 || !status_ok(loop_add(w->loop, &g->source))) {
        if (g->source.fd >= 0) {
            close(g->source.fd);
        }
        free(g);
        return;
    }
    g->worker = w;
    w->linger_count++;
    LIST_INSERT_HEAD(&w->lingering, g, entry);
}

void http_linger_stop_all(struct http_worker *w)
{
    while (!LIST_EMPTY(&w->lingering)) {
        stop(LIST_FIRST(&w->lingering));
    }
}
