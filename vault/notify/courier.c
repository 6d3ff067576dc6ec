// SPDX-License-Identifier: ISC
#include "vault/notify/courier.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/limits.h"
#include "vault/notify/host.h"
#include "vault/runtime/fiber.h"

enum { BUSY_PAUSE_US = 2000 };

struct courier {
    int channel;
    int control;
    int64_t deadline_us;
    struct buffer input;
};

// In the loop only while it is waited for: an end that is closed would wake the loop for ever.
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

static struct status wait_started(const struct courier *c)
{
    struct launcher_report report;
    ssize_t len;
    while ((len = recv(c->control, &report, sizeof report, 0)) != (ssize_t)sizeof report) {
        if (len >= 0 || (errno != EAGAIN && errno != EINTR)) {
            FAIL(UPSTREAM, "the launcher is gone");
        }
        TRY(wait_for(c->control, EPOLLIN, c->deadline_us));
    }
    if (report.event == LAUNCHER_STARTED) {
        return OK_STATUS;
    }
    if (report.event == LAUNCHER_REFUSED && report.error == EAGAIN) {
        FAIL(LIMIT, "too many processes run at once");
    }
    FAIL(UPSTREAM, "the process that sends can't be run");
}

static struct status fill_job(struct str ca_file, int64_t deadline_us, struct launcher_job *out)
{
    *out = (struct launcher_job){
        .form = LAUNCHER_LINKED, .name = NOTIFY_HOST_NAME, .deadline_us = deadline_us};
    if (ca_file.len >= sizeof out->paths[0].path) {
        FAIL(INVALID, "the path of the authorities is too long");
    }
    if (ca_file.len > 0) {
        memcpy(out->paths[0].path, ca_file.ptr, ca_file.len);
        out->path_count = 1;
    }
    return OK_STATUS;
}

static struct status launch(struct launcher *l, const struct launcher_job *job, struct courier *c)
{
    for (;;) {
        struct status sent = launcher_send(l, job, &c->channel, &c->control);
        if (sent.code != STATUS_LIMIT || clock_monotonic_us() > c->deadline_us) {
            return sent;
        }
        fiber_sleep_until(clock_monotonic_us() + BUSY_PAUSE_US);
    }
}

struct status courier_start(struct launcher *l, struct str ca_file, int64_t deadline_us,
                            struct courier **out)
{
    struct launcher_job job;
    TRY(fill_job(ca_file, deadline_us, &job));
    CLEANUP(courier_cleanup) struct courier *c = calloc(1, sizeof *c);
    if (c == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    *c = (struct courier){.channel = -1, .control = -1, .deadline_us = deadline_us};
    buffer_init(&c->input, LIMIT_NOTIFY_LINE_BYTES);
    TRY(launch(l, &job, c));
    TRY(wait_started(c));
    *out = TAKE(c);
    return OK_STATUS;
}

static struct status send_all(const struct courier *c, struct bytes data)
{
    while (data.len > 0) {
        ssize_t sent = send(c->channel, data.ptr, data.len, MSG_NOSIGNAL);
        if (sent > 0) {
            data.ptr += sent;
            data.len -= (size_t)sent;
        } else if (errno == EAGAIN) {
            TRY(wait_for(c->channel, EPOLLOUT, c->deadline_us));
        } else if (errno != EINTR) {
            FAIL(UPSTREAM, "the process that sends has ended");
        }
    }
    return OK_STATUS;
}

static struct status receive_some(struct courier *c)
{
    uint8_t block[4096];
    ssize_t len = recv(c->channel, block, sizeof block, 0);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return wait_for(c->channel, EPOLLIN, c->deadline_us);
    }
    if (len <= 0) {
        FAIL(UPSTREAM, "the process that sends has ended");
    }
    buffer_append(&c->input, (struct bytes){block, (size_t)len});
    return buffer_status(&c->input);
}

static struct status receive_line(struct courier *c, struct arena *arena, struct str *out)
{
    for (;;) {
        struct str text = buffer_str(&c->input);
        const char *newline = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);
        if (newline != NULL) {
            struct str line = {text.ptr, (size_t)(newline - text.ptr)};
            TRY(arena_copy_str(arena, line, out));
            buffer_consume(&c->input, line.len + 1);
            return OK_STATUS;
        }
        TRY(receive_some(c));
    }
}

struct status courier_send(struct courier *c, const struct wire_job *job, struct arena *arena,
                           struct wire_result *out)
{
    struct buffer line CLEANUP(buffer_done);
    struct str answer;
    buffer_init(&line, LIMIT_NOTIFY_LINE_BYTES);
    TRY(wire_put_job(job, &line));
    TRY(send_all(c, buffer_bytes(&line)));
    TRY(receive_line(c, arena, &answer));
    struct status s = wire_get_result(answer, arena, out);
    if (s.code == STATUS_INVALID) {
        FAIL(UPSTREAM, "the process that sends answers nonsense");
    }
    return s;
}

void courier_free(struct courier *c)
{
    if (c == NULL) {
        return;
    }
    if (c->channel >= 0) {
        close(c->channel);
        close(c->control);
    }
    buffer_done(&c->input);
    free(c);
}

void courier_cleanup(struct courier **c)
{
    courier_free(*c);
}
