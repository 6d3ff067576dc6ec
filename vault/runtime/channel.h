// SPDX-License-Identifier: ISC
// Octets from one offload thread to one fiber, at most `max_bytes` of them on their way: how rows
// become a long answer with constant memory. The thread waits while the channel is full, the fiber
// sleeps while it is empty.
#pragma once

#include <pthread.h>

#include "vault/base/buffer.h"
#include "vault/runtime/fiber.h"

struct channel {
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct buffer pending;
    size_t max_bytes;
    bool ended;
    bool abandoned;
    bool posted; // the task is on its way to the loop
    struct loop *loop;
    struct loop_task task;
    struct fiber_event ready;
};

void channel_init(struct channel *c, struct loop *l, size_t max_bytes);
// Nobody may be using it: the thread's work has been waited for.
void channel_done(struct channel *c);

// On the thread. `data` is at most `max_bytes`. UNAVAILABLE once the fiber has gone; NOMEM.
struct status channel_put(struct channel *c, struct bytes data);

// On the loop: nothing more will be put.
void channel_end(struct channel *c);
// On the fiber: all that is there, waiting until there is something. False at the end.
bool channel_take(struct channel *c, struct buffer *out);
// On the fiber: it doesn't want any more.
void channel_abandon(struct channel *c);
