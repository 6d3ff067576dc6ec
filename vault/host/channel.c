// SPDX-License-Identifier: ISC
#include "vault/host/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/log.h"
#include "vault/runtime/fiber.h"

enum { BUSY_PAUSE_US = 2000 };

// A descriptor that a fiber waits for. It is in the loop only meanwhile: a socket whose other end
// is closed would wake the loop for ever.
struct watch {
    struct loop_source source;
    struct fiber_event ready;
};

static void wake(struct loop_source *source, uint32_t events)
{
    (void)events;
    fiber_signal(&CONTAINER_OF(source, struct watch, source)->ready);
}

static struct status wait_for(int fd, uint32_t events, int64_t deadline_us)
{
    struct watch w = {
        .source = {.fd = fd, .events = events, .deadline_us = CLOCK_NEVER, .dispatch = wake}};
    TRY(loop_add(fiber_loop(), &w.source));
    struct status waited = fiber_wait(&w.ready, deadline_us);
    loop_remove(&w.source);
    return waited;
}

static struct status receive_report(const struct channel *c, int64_t deadline_us,
                                    struct launcher_report *out)
{
    for (;;) {
        struct launcher_report report;
        ssize_t len = recv(c->control, &report, sizeof report, 0);
        if (len == (ssize_t)sizeof report) {
            *out = report;
            return OK_STATUS;
        }
        if (len >= 0 || (errno != EAGAIN && errno != EINTR)) {
            FAIL(UPSTREAM, "the launcher is gone");
        }
        TRY(wait_for(c->control, EPOLLIN, deadline_us));
    }
}

static struct status wait_started(struct channel *c)
{
    struct launcher_report report = {.error = 0};
    TRY(receive_report(c, c->deadline_us, &report));
    if (report.event == LAUNCHER_STARTED) {
        c->isolation = report.isolation;
        return OK_STATUS;
    }
    if (report.event == LAUNCHER_REFUSED && report.error == EAGAIN) {
        FAIL(LIMIT, "too many processes of rotators and notifiers run at once");
    }
    if (report.event == LAUNCHER_REFUSED && report.error == EPERM) {
        FAIL(DENIED, "nothing here keeps a rotator of others from the vault's files: run as root, "
                     "or allow user namespaces and Landlock");
    }
    log_event(LOG_ERROR, "host.not_started", LOG_STR("error", str_from_c(strerror(report.error))),
              LOG_INT("isolation", report.isolation), LOG_INT("exit_code", report.exit_code),
              LOG_INT("signal", report.signal));
    FAIL(UPSTREAM, "the process can't be run: see the server's log (host.not_started)");
}

struct status channel_open(struct launcher *l, const struct launcher_job *job, struct channel *out)
{
    *out = CHANNEL_CLOSED;
    out->deadline_us = job->deadline_us;
    for (;;) {
        struct status sent = launcher_send(l, job, &out->data, &out->control);
        if (sent.code != STATUS_LIMIT || clock_monotonic_us() > out->deadline_us) {
            TRY(sent);
            return wait_started(out);
        }
        fiber_sleep_until(clock_monotonic_us() + BUSY_PAUSE_US);
    }
}

void channel_close(struct channel *c)
{
    if (c->data >= 0) {
        close(c->data);
        close(c->control);
    }
    c->data = -1;
    c->control = -1;
}

struct status channel_send(const struct channel *c, struct bytes data)
{
    while (data.len > 0) {
        ssize_t sent = send(c->data, data.ptr, data.len, MSG_NOSIGNAL);
        if (sent > 0) {
            data.ptr += sent;
            data.len -= (size_t)sent;
        } else if (errno == EAGAIN) {
            TRY(wait_for(c->data, EPOLLOUT, c->deadline_us));
        } else if (errno != EINTR) {
            FAIL(UPSTREAM, "the process ended before it was asked");
        }
    }
    return OK_STATUS;
}

struct status channel_wait(const struct channel *c, int64_t until_us)
{
    return wait_for(c->data, EPOLLIN, until_us);
}

struct status channel_receive(const struct channel *c, struct buffer *input, size_t *out_len)
{
    uint8_t block[4096];
    ssize_t len = recv(c->data, block, sizeof block, 0);
    *out_len = 0;
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return wait_for(c->data, EPOLLIN, c->deadline_us);
    }
    if (len <= 0) {
        FAIL(UPSTREAM, "the process ended without an answer");
    }
    *out_len = (size_t)len;
    buffer_append(input, (struct bytes){block, (size_t)len});
    explicit_bzero(block, (size_t)len); // issuers send secrets
    return buffer_status(input);
}

struct status channel_receive_end(const struct channel *c, int64_t deadline_us,
                                  struct launcher_report *out)
{
    struct launcher_report report = {.error = 0};
    do {
        TRY(receive_report(c, deadline_us, &report));
    } while (report.event != LAUNCHER_EXITED);
    *out = report;
    return OK_STATUS;
}
