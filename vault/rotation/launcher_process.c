// SPDX-License-Identifier: ISC
#include "vault/rotation/launcher_process.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault/base/log.h"
#include "vault/runtime/fiber.h"

enum { BUSY_PAUSE_US = 2000, LAST_WORD_US = CLOCK_SECOND, HELLO_ARENA_BYTES = 1024 * 1024 };

struct rotator_process {
    int channel; // -1 once the process is given up
    int control;
    int64_t deadline_us;
    int64_t last_id;
    size_t received; // in total, bounded
    int isolation;
    struct buffer input; // begins with the line that is being received
    struct arena *arena; // of `hello`
    struct protocol_hello hello;
    struct launcher_report end; // once it was given up, if the launcher told
    bool heard_end;
};

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

static struct status receive_report(const struct rotator_process *p, int64_t deadline_us,
                                    struct launcher_report *out)
{
    for (;;) {
        struct launcher_report report;
        ssize_t len = recv(p->control, &report, sizeof report, 0);
        if (len == (ssize_t)sizeof report) {
            *out = report;
            return OK_STATUS;
        }
        if (len >= 0 || (errno != EAGAIN && errno != EINTR)) {
            FAIL(UPSTREAM, "the launcher is gone");
        }
        TRY(wait_for(p->control, EPOLLIN, deadline_us));
    }
}

static struct status receive_end(const struct rotator_process *p, int64_t deadline_us,
                                 struct launcher_report *out)
{
    struct launcher_report report = {.error = 0};
    do {
        TRY(receive_report(p, deadline_us, &report));
    } while (report.event != LAUNCHER_EXITED);
    *out = report;
    return OK_STATUS;
}

static void close_both(struct rotator_process *p)
{
    if (p->channel >= 0) {
        close(p->channel);
        close(p->control);
    }
    p->channel = -1;
    p->control = -1;
}

// Has it killed and notes how it ended: by itself before that, perhaps.
static void give_up(struct rotator_process *p)
{
    shutdown(p->control, SHUT_WR);
    p->heard_end = status_ok(receive_end(p, clock_monotonic_us() + LAST_WORD_US, &p->end));
    close_both(p);
}

static struct status send_all(const struct rotator_process *p, struct bytes data)
{
    while (data.len > 0) {
        ssize_t sent = send(p->channel, data.ptr, data.len, MSG_NOSIGNAL);
        if (sent > 0) {
            data.ptr += sent;
            data.len -= (size_t)sent;
        } else if (errno == EAGAIN) {
            TRY(wait_for(p->channel, EPOLLOUT, p->deadline_us));
        } else if (errno != EINTR) {
            FAIL(UPSTREAM, "the rotator ended before it was asked");
        }
    }
    return OK_STATUS;
}

static struct status receive_some(struct rotator_process *p)
{
    uint8_t block[4096];
    ssize_t len = recv(p->channel, block, sizeof block, 0);
    if (len < 0 && errno == EAGAIN) {
        return wait_for(p->channel, EPOLLIN, p->deadline_us);
    }
    if (len <= 0) {
        FAIL(UPSTREAM, "the rotator ended without an answer");
    }
    p->received += (size_t)len;
    if (p->received > LIMIT_ROTATOR_OUTPUT_BYTES) {
        explicit_bzero(block, sizeof block);
        FAIL(UPSTREAM, "the rotator says too much");
    }
    buffer_append(&p->input, (struct bytes){block, (size_t)len});
    explicit_bzero(block, sizeof block); // issuers send secrets
    if (buffer_status(&p->input).code == STATUS_TOO_LARGE) {
        FAIL(UPSTREAM, "a line of the rotator is too long");
    }
    return buffer_status(&p->input);
}

// One line without its newline. Anything after it was not asked for.
static struct status receive_line(struct rotator_process *p, struct str *out)
{
    for (;;) {
        struct str text = buffer_str(&p->input);
        const char *newline = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);
        if (newline != NULL) {
            struct str line = {text.ptr, (size_t)(newline - text.ptr)};
            if (line.len + 1 != text.len) {
                FAIL(UPSTREAM, "the rotator says more than it was asked");
            }
            *out = line;
            return OK_STATUS;
        }
        TRY(receive_some(p));
    }
}

// `reply` is decoded from a copy in the arena, so that the input may be wiped.
static struct status exchange(struct rotator_process *p, const struct protocol_request *request,
                              struct arena *arena, struct protocol_reply *out)
{
    CLEANUP(buffer_done) struct buffer line;
    buffer_init(&line, LIMIT_ROTATOR_LINE_BYTES);
    TRY(protocol_request_encode(request, &line));
    TRY(send_all(p, buffer_bytes(&line)));
    struct str received;
    TRY(receive_line(p, &received));
    struct str kept;
    TRY(arena_copy_str(arena, received, &kept));
    buffer_clear(&p->input);
    struct status decoded = protocol_reply_decode(kept, request, arena, out);
    if (decoded.code == STATUS_INVALID) {
        decoded.code = STATUS_UPSTREAM;
    }
    return decoded;
}

static bool is_unsolicited(struct rotator_process *p)
{
    uint8_t octet;
    ssize_t len = recv(p->channel, &octet, 1, MSG_PEEK);
    return len > 0;
}

struct status rotator_process_call(struct rotator_process *p, enum protocol_op op,
                                   const struct rotunda_call *call, struct arena *arena,
                                   struct protocol_reply *out)
{
    if (p->channel < 0) {
        FAIL(UPSTREAM, "the rotator was given up");
    }
    if ((p->hello.ops & (1U << op)) == 0) {
        FAIL(UNSUPPORTED, "the rotator has no such operation");
    }
    int64_t left_ms = (p->deadline_us - clock_monotonic_us()) / 1000;
    if (left_ms <= 0) {
        FAIL(TIMEOUT, "the rotator's time is over");
    }
    struct protocol_request request = {.id = ++p->last_id, .op = op, .call = *call};
    request.call.timeout_ms = left_ms;
    struct status answered = is_unsolicited(p)
                                 ? MAKE_STATUS(UPSTREAM, "the rotator spoke without being asked")
                                 : exchange(p, &request, arena, out);
    if (answered.code == STATUS_TOO_LARGE) {
        FAIL(INVALID, "the request to the rotator is too long"); // nothing was sent
    }
    if (!status_ok(answered)) {
        give_up(p);
    }
    // The launcher may have been the first to notice.
    bool late = answered.code == STATUS_UPSTREAM && clock_monotonic_us() >= p->deadline_us;
    return late ? MAKE_STATUS(TIMEOUT, "the rotator's time is over") : answered;
}

static struct status wait_started(struct rotator_process *p)
{
    struct launcher_report report = {.error = 0};
    TRY(receive_report(p, p->deadline_us, &report));
    if (report.event == LAUNCHER_STARTED) {
        p->isolation = report.isolation;
        return OK_STATUS;
    }
    if (report.event == LAUNCHER_REFUSED && report.error == EAGAIN) {
        FAIL(LIMIT, "too many rotators run at once");
    }
    if (report.event == LAUNCHER_REFUSED && report.error == EPERM) {
        FAIL(DENIED, "nothing here keeps a rotator of others from the vault's files: run as root, "
                     "or allow user namespaces and Landlock");
    }
    FAIL(UPSTREAM, "the rotator can't be run");
}

static struct status shake_hands(struct rotator_process *p)
{
    struct protocol_request request = {.op = PROTOCOL_HELLO, .abi = ROTUNDA_ROTATOR_ABI};
    struct protocol_reply reply;
    TRY(exchange(p, &request, p->arena, &reply));
    p->hello = reply.hello;
    bool agreed = reply.result == PROTOCOL_DONE;
    if (!agreed) {
        log_event(LOG_WARN, "rotator.refused_to_start", LOG_STR("reason", reply.message));
    }
    protocol_reply_done(&reply);
    if (!agreed) {
        FAIL(UPSTREAM, "the rotator refused to start");
    }
    return OK_STATUS;
}

static struct status fill_job(const struct rotator_process_options *options,
                              struct launcher_job *out)
{
    if (options->name.len == 0 || options->name.len >= sizeof out->name ||
        !str_is_text(options->name) || options->path_count >= SANDBOX_PATHS_MAX) {
        FAIL(INVALID, "a rotator's name or list of paths is too long");
    }
    // Else a stranger could pass as one of ours.
    if ((options->form == LAUNCHER_LINKED) != (options->name.ptr[0] != '/')) {
        FAIL(INVALID, "a rotator of others is named by its absolute path, one of ours by its name");
    }
    *out = (struct launcher_job){
        .form = options->form,
        .strangers_anywhere = options->strangers_anywhere,
        .deadline_us = options->deadline_us,
        .path_count = options->path_count,
    };
    memcpy(out->name, options->name.ptr, options->name.len);
    for (size_t i = 0; i < options->path_count; i++) {
        out->paths[i] = options->paths[i];
    }
    return OK_STATUS;
}

static struct status send_when_free(struct launcher *l, const struct launcher_job *job,
                                    struct rotator_process *p)
{
    for (;;) {
        struct status sent = launcher_send(l, job, &p->channel, &p->control);
        if (sent.code != STATUS_LIMIT || clock_monotonic_us() > p->deadline_us) {
            return sent;
        }
        fiber_sleep_until(clock_monotonic_us() + BUSY_PAUSE_US);
    }
}

struct status rotator_process_start(struct launcher *l,
                                    const struct rotator_process_options *options,
                                    struct rotator_process **out)
{
    struct launcher_job job;
    TRY(fill_job(options, &job));
    CLEANUP(rotator_process_cleanup) struct rotator_process *p = calloc(1, sizeof *p);
    if (p == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    p->channel = -1;
    p->control = -1;
    p->deadline_us = options->deadline_us;
    buffer_init(&p->input, LIMIT_ROTATOR_LINE_BYTES);
    p->arena = arena_new(HELLO_ARENA_BYTES);
    if (p->arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(send_when_free(l, &job, p));
    TRY(wait_started(p));
    TRY(shake_hands(p));
    *out = TAKE(p);
    return OK_STATUS;
}

const struct protocol_hello *rotator_process_hello(const struct rotator_process *p)
{
    return &p->hello;
}

int rotator_process_isolation(const struct rotator_process *p)
{
    return p->isolation;
}

struct status rotator_process_end(struct rotator_process *p, int64_t wait_us,
                                  struct launcher_report *out)
{
    if (p->channel >= 0) {
        shutdown(p->channel, SHUT_WR); // the host's input ends
        return receive_end(p, clock_monotonic_us() + wait_us, out);
    }
    if (!p->heard_end) {
        FAIL(UPSTREAM, "nobody told how the rotator ended");
    }
    *out = p->end;
    return OK_STATUS;
}

void rotator_process_free(struct rotator_process *p)
{
    if (p == NULL) {
        return;
    }
    close_both(p);
    buffer_done(&p->input);
    arena_free(p->arena);
    free(p);
}

void rotator_process_cleanup(struct rotator_process **p)
{
    rotator_process_free(*p);
}
