// SPDX-License-Identifier: ISC
#include "vault/host/rotator_process.h"

#include <string.h>
#include <sys/socket.h>

#include "vault/base/clock.h"
#include "vault/base/log.h"
#include "vault/host/channel.h"

enum { LAST_WORD_US = CLOCK_SECOND, HELLO_ARENA_BYTES = 1024 * 1024 };

struct rotator_process {
    struct channel channel; // closed once the process is given up
    int64_t last_id;
    size_t received;     // in total, bounded
    struct buffer input; // begins with the line that is being received
    struct arena *arena; // of `hello`
    struct protocol_hello hello;
    struct launcher_report end; // once it was given up, if the launcher told
    bool heard_end;
};

// Has it killed and notes how it ended: by itself before that, perhaps.
static void give_up(struct rotator_process *p)
{
    shutdown(p->channel.control, SHUT_WR);
    int64_t until_us = clock_monotonic_us() + LAST_WORD_US;
    p->heard_end = status_ok(channel_receive_end(&p->channel, until_us, &p->end));
    channel_close(&p->channel);
}

static struct status receive_some(struct rotator_process *p)
{
    size_t len;
    struct status s = channel_receive(&p->channel, &p->input, &len);
    p->received += len;
    if (p->received > LIMIT_ROTATOR_OUTPUT_BYTES) {
        FAIL(UPSTREAM, "the rotator says too much");
    }
    if (s.code == STATUS_TOO_LARGE) {
        FAIL(UPSTREAM, "a line of the rotator is too long");
    }
    return s;
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
    TRY(channel_send(&p->channel, buffer_bytes(&line)));
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
    ssize_t len = recv(p->channel.data, &octet, 1, MSG_PEEK);
    return len > 0;
}

struct status rotator_process_call(struct rotator_process *p, enum protocol_op op,
                                   const struct rotunda_call *call, struct arena *arena,
                                   struct protocol_reply *out)
{
    if (p->channel.data < 0) {
        FAIL(UPSTREAM, "the rotator was given up");
    }
    if ((p->hello.ops & (1U << op)) == 0) {
        FAIL(UNSUPPORTED, "the rotator has no such operation");
    }
    int64_t left_ms = (p->channel.deadline_us - clock_monotonic_us()) / 1000;
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
    bool late = answered.code == STATUS_UPSTREAM && clock_monotonic_us() >= p->channel.deadline_us;
    return late ? MAKE_STATUS(TIMEOUT, "the rotator's time is over") : answered;
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
    p->channel = CHANNEL_CLOSED;
    buffer_init(&p->input, LIMIT_ROTATOR_LINE_BYTES);
    p->arena = arena_new(HELLO_ARENA_BYTES);
    if (p->arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(channel_open(l, &job, &p->channel));
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
    return p->channel.isolation;
}

struct status rotator_process_end(struct rotator_process *p, int64_t wait_us,
                                  struct launcher_report *out)
{
    if (p->channel.data >= 0) {
        shutdown(p->channel.data, SHUT_WR); // the host's input ends
        return channel_receive_end(&p->channel, clock_monotonic_us() + wait_us, out);
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
    channel_close(&p->channel);
    buffer_done(&p->input);
    arena_free(p->arena);
    free(p);
}

void rotator_process_cleanup(struct rotator_process **p)
{
    rotator_process_free(*p);
}
