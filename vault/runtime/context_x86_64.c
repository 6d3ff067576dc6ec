// SPDX-License-Identifier: ISC
#include "vault/runtime/context_machine.h"

// System V ABI, AMD64 supplement, section 3.2.1: rbx, rbp, r12-r15 and the control bits of MXCSR
// and the x87 unit survive a call; so does nothing else.
#if CONTEXT_X86_64

enum { MXCSR_DEFAULT = 0x1f80, X87_CONTROL_DEFAULT = 0x037f };

// What context_machine_swap() pushes, lowest address first.
struct frame {
    uint32_t mxcsr;
    uint32_t x87_control;
    uint64_t r15;
    uint64_t r14;
    uint64_t r13;
    uint64_t r12;
    uint64_t rbx;
    uint64_t rbp;
    uint64_t return_address;
};

void context_machine_start(void);

__asm__(".text\n"
        ".p2align 4\n"
        ".globl context_machine_swap\n"
        ".hidden context_machine_swap\n"
        ".type context_machine_swap, @function\n"
        "context_machine_swap:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size context_machine_swap, . - context_machine_swap\n"

        // The first thing on a new stack: r12 is the function, r13 its argument.
        ".p2align 4\n"
        ".globl context_machine_start\n"
        ".hidden context_machine_start\n"
        ".type context_machine_start, @function\n"
        "context_machine_start:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined rip\n" // debuggers stop unwinding here
        "    endbr64\n"
        "    movq %r13, %rdi\n"
        "    call *%r12\n"
        "    ud2\n"
        "    .cfi_endproc\n"
        ".size context_machine_start, . - context_machine_start\n");

void *context_machine_prepare(const struct stack *stack, void (*start)(void *arg), void *arg)
{
    uint8_t *top = stack->bottom + stack->size_bytes;
    struct frame *frame = (struct frame *)(void *)(top - sizeof *frame);
    *frame = (struct frame){
        .mxcsr = MXCSR_DEFAULT,
        .x87_control = X87_CONTROL_DEFAULT,
        .r12 = (uintptr_t)start,
        .r13 = (uintptr_t)arg,
        .return_address = (uintptr_t)context_machine_start,
    };
    return frame;
}

#endif
