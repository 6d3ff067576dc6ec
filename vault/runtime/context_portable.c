// SPDX-License-Identifier: ISC
#include "vault/runtime/context_machine.h"

// For machines without a switch of their own: POSIX ucontext, two system calls a switch.
#if !CONTEXT_X86_64 && !CONTEXT_AARCH64

#include <ucontext.h>

#include "vault/base/macros.h"

struct launch {
    ucontext_t state;
    void (*start)(void *arg);
    void *arg;
};

// makecontext() passes only ints.
static void launch_halves(unsigned high, unsigned low)
{
    uintptr_t address = (uintptr_t)(((uint64_t)high << 32) | low);
    struct launch *launch = (struct launch *)address;
    launch->start(launch->arg);
}

void *context_machine_prepare(const struct stack *stack, void (*start)(void *arg), void *arg)
{
    uintptr_t top = (uintptr_t)(stack->bottom + stack->size_bytes - sizeof(struct launch));
    struct launch *launch = (struct launch *)(top & ~(uintptr_t)63);
    REQUIRE(getcontext(&launch->state) == 0);
    launch->start = start;
    launch->arg = arg;
    launch->state.uc_link = NULL;
    launch->state.uc_stack.ss_sp = stack->bottom;
    launch->state.uc_stack.ss_size = (size_t)((uint8_t *)launch - stack->bottom);
    uint64_t address = (uintptr_t)launch;
    makecontext(&launch->state, (void (*)(void))launch_halves, 2, (unsigned)(address >> 32),
                (unsigned)address);
    return &launch->state;
}

void context_machine_swap(void **save, void *load)
{
    ucontext_t here;
    *save = &here;
    REQUIRE(swapcontext(&here, load) == 0);
}

#endif
