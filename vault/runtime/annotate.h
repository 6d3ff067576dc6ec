// SPDX-License-Identifier: ISC
// Tells the sanitizers and valgrind what is done with stacks; nothing in a plain build without
// valgrind's headers. Only for stack.c and context.c.
#pragma once

#include "vault/base/sanitizer.h"

#if SANITIZER_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

#if SANITIZER_THREAD
#include <sanitizer/tsan_interface.h>
#endif

// Valgrind's requests are a few idle instructions in a program that doesn't run under it.
#if __has_include(<valgrind/memcheck.h>) && !SANITIZED
#include <valgrind/memcheck.h>
#define ANNOTATE_VALGRIND 1
#else
#define ANNOTATE_VALGRIND 0
#endif
