// SPDX-License-Identifier: ISC
#include "vault/runtime/channel.h"

static void wake(struct loop_task *task)
{
    struct channel *c = CONTAINER_OF(task, struct channel, task);
    pthread_mutex_lock(&c->lock);
    c->posted = false;
    pthread_mutex_unlock(&c->lock);
    fiber_signal(&c->ready);
}

void channel_init(struct channel *c, struct loop *l, size_t max_bytes)
{
    *c = (struct channel){.loop = l, .max_bytes = max_bytes, .task = {.run = wake}};
    buffer_init(&c->pending, max_bytes);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->room, NULL);
}

void channel_done(struct channel *c)
{
    buffer_done(&c->pending);
    pthread_cond_destroy(&c->room);
    pthread_mutex_destroy(&c->lock);
}

static struct status put_locked(struct channel *c, struct bytes data)
{
    while (c->pending.len + data.len > c->max_bytes && !c->abandoned) {
        pthread_cond_wait(&c->room, &c->lock);
    }
    if (c->abandoned) {
        FAIL(UNAVAILABLE, "the reader has gone");
    }
    buffer_append(&c->pending, data);
    if (!c->posted) {
        c->posted = true;
        loop_post(c->loop, &c->task);
    }
    return buffer_status(&c->pending);
}

struct status channel_put(struct channel *c, struct bytes data)
{
    pthread_mutex_lock(&c->lock);
    struct status s = put_locked(c, data);
    pthread_mutex_unlock(&c->lock);
    return s;
}

void channel_end(struct channel *c)
{
    pthread_mutex_lock(&c->lock);
    c->ended = true;
    pthread_mutex_unlock(&c->lock);
    fiber_signal(&c->ready);
}

bool channel_take(struct channel *c, struct buffer *out)
{
    for (;;) {
        // Cleared before looking: what is put afterwards sets it again.
        c->ready = (struct fiber_event){0};
        pthread_mutex_lock(&c->lock);
        buffer_append(out, buffer_bytes(&c->pending));
        bool got = c->pending.len > 0;
        bool ended = c->ended;
        buffer_clear(&c->pending);
        pthread_cond_signal(&c->room);
        pthread_mutex_unlock(&c->lock);
        if (got || ended) {
            return got;
        }
        status_ignore(fiber_wait(&c->ready, CLOCK_NEVER)); // can't time out
    }
}

void channel_abandon(struct channel *c)
{
    pthread_mutex_lock(&c->lock);
    c->abandoned = true;
    pthread_cond_signal(&c->room);
    pthread_mutex_unlock(&c->lock);
}
