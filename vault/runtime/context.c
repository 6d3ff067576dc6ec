// SPDX-License-Identifier: ISC
#include "vault/runtime/context.h"

#include "vault/base/macros.h"
#include "vault/runtime/annotate.h"
#include "vault/runtime/context_machine.h"

// On the old stack. The thread's own stack is learnt anew each time, because a loop may be made on
// one thread and run on another.
static void announce_departure(struct context *from, struct context *to, bool for_good)
{
    to->previous = from;
#if SANITIZER_ADDRESS
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, to->bottom, to->size_bytes);
#endif
#if SANITIZER_THREAD
    from->tsan_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
    (void)for_good;
}

// On the new stack.
static void announce_arrival(struct context *self)
{
#if SANITIZER_ADDRESS
    struct context *previous = self->previous;
    __sanitizer_finish_switch_fiber(self->fake_stack, &previous->bottom, &previous->size_bytes);
#endif
    (void)self;
}

static void start(void *arg)
{
    struct context *self = arg;
    announce_arrival(self);
    self->entry(self->arg);
    abort();
}

void context_init(struct context *c, const struct stack *stack, void (*entry)(void *arg), void *arg)
{
    *c = (struct context){
        .entry = entry,
        .arg = arg,
        .bottom = stack->bottom,
        .size_bytes = stack->size_bytes,
    };
    c->saved = context_machine_prepare(stack, start, c);
#if SANITIZER_THREAD
    c->tsan_fiber = __tsan_create_fiber(0);
#endif
}

void context_done(struct context *c)
{
#if SANITIZER_THREAD
    __tsan_destroy_fiber(c->tsan_fiber);
#endif
    c->saved = NULL;
}

void context_switch(struct context *from, struct context *to)
{
    announce_departure(from, to, false);
    context_machine_swap(&from->saved, to->saved);
    announce_arrival(from);
}

void context_exit(struct context *from, struct context *to)
{
    announce_departure(from, to, true);
    context_machine_swap(&from->saved, to->saved);
    abort();
}
