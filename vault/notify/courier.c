// SPDX-License-Identifier: ISC
#include "vault/notify/courier.h"

#include <string.h>

#include "vault/base/limits.h"
#include "vault/host/channel.h"
#include "vault/notify/host.h"
#include "vault/notify/notify_internal.h"

struct courier {
    struct channel channel;
    struct buffer input;
    const struct notify *notify; // NULL: nobody cuts it
};

static const int64_t look_us = CLOCK_SECOND / 4;

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

struct status courier_start(struct launcher *l, struct str ca_file, int64_t deadline_us,
                            struct courier **out)
{
    struct launcher_job job;
    TRY(fill_job(ca_file, deadline_us, &job));
    CLEANUP(courier_cleanup) struct courier *c = calloc(1, sizeof *c);
    if (c == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    c->channel = CHANNEL_CLOSED;
    buffer_init(&c->input, LIMIT_NOTIFY_LINE_BYTES);
    TRY(channel_open(l, &job, &c->channel));
    *out = TAKE(c);
    return OK_STATUS;
}

// A receiver that takes its time holds up neither sealing nor the end.
static struct status wait_for_answer(const struct courier *c)
{
    for (;;) {
        int64_t until_us = clock_monotonic_us() + look_us;
        bool last = until_us >= c->channel.deadline_us;
        struct status waited = channel_wait(&c->channel, last ? c->channel.deadline_us : until_us);
        if (waited.code != STATUS_TIMEOUT || last) {
            return waited;
        }
        if (c->notify != NULL && notify_should_stop(c->notify)) {
            FAIL(UNAVAILABLE, "cut off: the vault is sealed, or ends");
        }
    }
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
        TRY(wait_for_answer(c));
        size_t len;
        TRY(channel_receive(&c->channel, &c->input, &len));
    }
}

struct status courier_send(struct courier *c, const struct wire_job *job, struct arena *arena,
                           struct wire_result *out)
{
    struct buffer line CLEANUP(buffer_done);
    struct str answer;
    buffer_init(&line, LIMIT_NOTIFY_LINE_BYTES);
    TRY(wire_put_job(job, &line));
    TRY(channel_send(&c->channel, buffer_bytes(&line)));
    TRY(receive_line(c, arena, &answer));
    struct status s = wire_get_result(answer, arena, out);
    if (s.code == STATUS_INVALID) {
        FAIL(UPSTREAM, "the process that sends answers nonsense");
    }
    return s;
}

void courier_heed(struct courier *c, const struct notify *n)
{
    c->notify = n;
}

void courier_free(struct courier *c)
{
    if (c == NULL) {
        return;
    }
    channel_close(&c->channel);
    buffer_done(&c->input);
    free(c);
}

void courier_cleanup(struct courier **c)
{
    courier_free(*c);
}
