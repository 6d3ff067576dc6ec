// SPDX-License-Identifier: ISC
// Switching between stacks within one thread, without system calls on x86_64 and aarch64. The
// signal mask, errno and everything thread-local are shared: they don't follow the context.
#pragma once

#include "vault/runtime/stack.h"

// Zero-initialised, it stands for the thread's own stack: somewhere to come back to.
struct context {
    void *saved; // machine state while it isn't running
    void (*entry)(void *arg);
    void *arg;
    struct context *previous; // who switched here last
    // What the sanitizers want to know.
    const void *bottom;
    size_t size_bytes;
    void *fake_stack;
    void *tsan_fiber;
};

// The first switch to it calls `entry(arg)` on that stack, which nobody else uses meanwhile.
// `entry` must not return: it leaves through context_exit().
void context_init(struct context *c, const struct stack *stack, void (*entry)(void *arg),
                  void *arg);
// After context_exit() or if it never ran; the stack stays the caller's.
void context_done(struct context *c);

// `from` is the running one. Returns when something switches back to it.
void context_switch(struct context *from, struct context *to);
// Never to come back.
__attribute__((noreturn)) void context_exit(struct context *from, struct context *to);
