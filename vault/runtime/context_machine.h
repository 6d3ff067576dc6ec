// SPDX-License-Identifier: ISC
// The machine-dependent part of a switch, one file per machine. Only for context.c.
//
// The x86_64 and aarch64 versions are assembly inside C files rather than .S files: the compiler
// then writes the notes (non-executable stack, branch tracking) that fit its own flags.
#pragma once

#include "vault/runtime/stack.h"

// Returns the state in which context_machine_swap() calls `start(arg)` at the top of the stack.
void *context_machine_prepare(const struct stack *stack, void (*start)(void *arg), void *arg);
// Saves what the ABI says a call preserves, stores where at `*save`, and goes on from `load`.
void context_machine_swap(void **save, void *load);

#if defined(__x86_64__) && defined(__LP64__) && !defined(ROTUNDA_PORTABLE_CONTEXT)
#define CONTEXT_X86_64 1
#else
#define CONTEXT_X86_64 0
#endif

#if defined(__aarch64__) && defined(__LP64__) && !defined(ROTUNDA_PORTABLE_CONTEXT)
#define CONTEXT_AARCH64 1
#else
#define CONTEXT_AARCH64 0
#endif
