// SPDX-License-Identifier: ISC
// Tells the sanitizers and valgrind what is done with stacks; nothing in a plain build without
// valgrind's headers. Only for stack.c and context.c.
#pragma once

#if defined(__has_feature)
#define ANNOTATE_FEATURE(name) __has_feature(name)
#else
#define ANNOTATE_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || ANNOTATE_FEATURE(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#define ANNOTATE_ADDRESS 1
#else
#define ANNOTATE_ADDRESS 0
#endif

#if defined(__SANITIZE_THREAD__) || ANNOTATE_FEATURE(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define ANNOTATE_THREAD 1
#else
#define ANNOTATE_THREAD 0
#endif

// Valgrind's requests are a few idle instructions in a program that doesn't run under it.
#if __has_include(<valgrind/memcheck.h>) && !ANNOTATE_ADDRESS && !ANNOTATE_THREAD
#include <valgrind/memcheck.h>
#define ANNOTATE_VALGRIND 1
#else
#define ANNOTATE_VALGRIND 0
#endif
