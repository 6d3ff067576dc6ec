// SPDX-License-Identifier: ISC
#include "vault/runtime/context_machine.h"

// Procedure Call Standard for the Arm 64-bit Architecture, section 6.1: x19-x29, the low halves of
// v8-v15 and FPCR survive a call; x30 is the return address.
#if CONTEXT_AARCH64

// What context_machine_swap() stores, lowest address first; 16-byte aligned.
struct frame {
    uint64_t x19;
    uint64_t x20;
    uint64_t x21_to_x28[8];
    uint64_t x29;
    uint64_t x30;
    uint64_t d8_to_d15[8];
    uint64_t fpcr;
    uint64_t padding;
};

void context_machine_start(void);

// hint #34 is `bti c`, which older assemblers don't know by name.
__asm__(".text\n"
        ".p2align 4\n"
        ".globl context_machine_swap\n"
        ".hidden context_machine_swap\n"
        ".type context_machine_swap, %function\n"
        "context_machine_swap:\n"
        "    .cfi_startproc\n"
        "    hint #34\n"
        "    mrs x10, fpcr\n"
        "    sub sp, sp, #176\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    str x10, [sp, #160]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    ldr x10, [sp, #160]\n"
        "    msr fpcr, x10\n"
        "    add sp, sp, #176\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size context_machine_swap, . - context_machine_swap\n"

        // The first thing on a new stack: x19 is the function, x20 its argument.
        ".p2align 4\n"
        ".globl context_machine_start\n"
        ".hidden context_machine_start\n"
        ".type context_machine_start, %function\n"
        "context_machine_start:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined x30\n" // debuggers stop unwinding here
        "    hint #34\n"
        "    mov x0, x20\n"
        "    blr x19\n"
        "    brk #1\n"
        "    .cfi_endproc\n"
        ".size context_machine_start, . - context_machine_start\n");

void *context_machine_prepare(const struct stack *stack, void (*start)(void *arg), void *arg)
{
    uint8_t *top = stack->bottom + stack->size_bytes;
    struct frame *frame = (struct frame *)(void *)(top - sizeof *frame);
    *frame = (struct frame){
        .x19 = (uintptr_t)start,
        .x20 = (uintptr_t)arg,
        .x30 = (uintptr_t)context_machine_start,
    };
    return frame;
}

#endif
