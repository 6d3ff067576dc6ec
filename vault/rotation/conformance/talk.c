// SPDX-License-Identifier: ISC
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/rotation/conformance/conformance_internal.h"

enum { LOOK_MS = 4 }; // how often the lists of processes are looked at meanwhile

static void close_both(struct talk *t)
{
    if (t->channel >= 0) {
        close(t->channel);
        close(t->control);
        buffer_done(&t->input);
    }
    t->channel = -1;
}

// True when there is something to read, or the end. Looks for values in lists of processes while it
// waits for an answer.
static bool wait_readable(struct conformance *c, int fd, int64_t until_us)
{
    for (;;) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        int64_t left_us = until_us - clock_monotonic_us();
        if (left_us <= 0) {
            return false;
        }
        if (poll(&polled, 1, LOOK_MS) > 0) {
            return true;
        }
        leaks_search_processes(c, "while it worked");
    }
}

static struct status receive_report(struct conformance *c, int64_t until_us,
                                    struct launcher_report *out)
{
    if (!wait_readable(c, c->talk.control, until_us)) {
        FAIL(TIMEOUT, "it doesn't end");
    }
    ssize_t len = recv(c->talk.control, out, sizeof *out, 0);
    if (len != (ssize_t)sizeof *out) {
        FAIL(UPSTREAM, "the launcher is gone");
    }
    return OK_STATUS;
}

static struct status receive_end(struct conformance *c, int64_t wait_us,
                                 struct launcher_report *out)
{
    int64_t until_us = clock_monotonic_us() + wait_us;
    do {
        TRY(receive_report(c, until_us, out));
    } while (out->event != LAUNCHER_EXITED);
    return OK_STATUS;
}

static struct status launch(struct conformance *c, int64_t timeout_us)
{
    const struct conformance_options *o = c->options;
    struct launcher_job job = {.form = o->form,
                               .strangers_anywhere = o->strangers_anywhere,
                               .deadline_us = clock_monotonic_us() + timeout_us,
                               .path_count = c->path_count};
    if (o->name.len == 0 || o->name.len >= sizeof job.name) {
        FAIL(INVALID, "the rotator's name or path is empty or too long");
    }
    memcpy(job.name, o->name.ptr, o->name.len);
    memcpy(job.paths, c->paths, sizeof c->paths);
    TRY(launcher_send(o->launcher, &job, &c->talk.channel, &c->talk.control));
    buffer_init(&c->talk.input, LIMIT_ROTATOR_LINE_BYTES);
    c->talk.deadline_us = job.deadline_us;
    c->talk.last_id = 0;
    c->talk.received = 0;
    return OK_STATUS;
}

struct status talk_start(struct conformance *c, int64_t timeout_us)
{
    struct launcher_report report = {.error = 0};
    talk_kill(c);
    TRY(launch(c, timeout_us));
    TRY(receive_report(c, c->talk.deadline_us, &report));
    if (report.event == LAUNCHER_STARTED) {
        c->talk.isolation = report.isolation;
        return OK_STATUS;
    }
    close_both(&c->talk);
    if (report.error == EPERM) {
        FAIL(DENIED, "nothing here keeps a rotator of others from this machine's files: run as "
                     "root, allow user namespaces, or say -without-walls");
    }
    FAIL(UPSTREAM, "the program can't be run: is it executable for the user that rotators run as, "
                   "and is its interpreter below /usr?");
}

struct status talk_send(struct conformance *c, struct bytes data)
{
    while (data.len > 0) {
        ssize_t sent = send(c->talk.channel, data.ptr, data.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd polled = {.fd = c->talk.channel, .events = POLLOUT};
            if (clock_monotonic_us() > c->talk.deadline_us || poll(&polled, 1, 100) < 0) {
                FAIL(TIMEOUT, "it doesn't read what it is asked");
            }
            continue;
        }
        if (sent < 0 && errno != EINTR) {
            FAIL(UPSTREAM, "it ended before it was asked");
        }
        data.ptr += sent > 0 ? sent : 0;
        data.len -= sent > 0 ? (size_t)sent : 0;
    }
    return OK_STATUS;
}

static struct status receive_some(struct conformance *c, int64_t until_us)
{
    uint8_t block[4096];
    if (!wait_readable(c, c->talk.channel, until_us)) {
        FAIL(TIMEOUT, "it doesn't answer in time");
    }
    ssize_t len = recv(c->talk.channel, block, sizeof block, 0);
    if (len <= 0) {
        FAIL(UPSTREAM, "it ended without an answer");
    }
    c->talk.received += (size_t)len;
    c->most_output = c->talk.received > c->most_output ? c->talk.received : c->most_output;
    buffer_append(&c->talk.input, (struct bytes){block, (size_t)len});
    explicit_bzero(block, sizeof block);
    if (!status_ok(buffer_status(&c->talk.input))) {
        FAIL(UPSTREAM, "a line of it is longer than 256 KiB");
    }
    if (c->talk.received > LIMIT_ROTATOR_OUTPUT_BYTES) {
        FAIL(UPSTREAM, "it says more than 1 MiB in all");
    }
    return OK_STATUS;
}

struct status talk_receive(struct conformance *c, int64_t wait_us, struct str *out)
{
    int64_t until_us = clock_monotonic_us() + wait_us;
    until_us = until_us < c->talk.deadline_us ? until_us : c->talk.deadline_us;
    buffer_clear(&c->talk.input);
    for (;;) {
        struct str text = buffer_str(&c->talk.input);
        const char *newline = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);
        if (newline != NULL) {
            *out = (struct str){text.ptr, (size_t)(newline - text.ptr)};
            c->largest_line = out->len > c->largest_line ? out->len : c->largest_line;
            if (out->len + 1 != text.len) {
                FAIL(UPSTREAM, "it says more than the one line that it was asked for");
            }
            return OK_STATUS;
        }
        TRY(receive_some(c, until_us));
    }
}

struct status talk_end(struct conformance *c, int64_t wait_us, struct launcher_report *out)
{
    shutdown(c->talk.channel, SHUT_WR);
    struct status ended = receive_end(c, wait_us, out);
    if (status_ok(ended)) {
        close_both(&c->talk);
    } else {
        talk_kill(c);
    }
    return ended;
}

void talk_kill(struct conformance *c)
{
    struct launcher_report unused;
    if (c->talk.channel >= 0) {
        shutdown(c->talk.control, SHUT_WR);
        status_ignore(receive_end(c, SHORT_US, &unused));
        close_both(&c->talk);
    }
}

struct status talk_hello(struct conformance *c, struct protocol_hello *out)
{
    CLEANUP(buffer_done) struct buffer line;
    struct protocol_request request = {.op = PROTOCOL_HELLO, .abi = ROTUNDA_ROTATOR_ABI};
    struct protocol_reply reply;
    struct str received;
    struct str kept;
    buffer_init(&line, LIMIT_ROTATOR_LINE_BYTES);
    TRY(protocol_request_encode(&request, &line));
    TRY(talk_send(c, buffer_bytes(&line)));
    TRY(talk_receive(c, SHORT_US, &received));
    TRY(arena_copy_str(c->arena, received, &kept));
    TRY(protocol_reply_decode(kept, &request, c->arena, &reply));
    *out = reply.hello;
    bool agreed = reply.result == PROTOCOL_DONE;
    protocol_reply_done(&reply);
    if (!agreed) {
        FAIL(UPSTREAM, "it refused the handshake");
    }
    return OK_STATUS;
}
