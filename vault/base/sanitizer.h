// SPDX-License-Identifier: ISC
// Is this build instrumented, by gcc or by clang? For the few places that have to know: the
// sanitizers' runtimes want terabytes of address space, files under /proc and system calls of their
// own.
#pragma once

#if defined(__has_feature)
#define SANITIZER_FEATURE(name) __has_feature(name)
#else
#define SANITIZER_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SANITIZER_FEATURE(address_sanitizer)
#define SANITIZER_ADDRESS 1
#else
#define SANITIZER_ADDRESS 0
#endif

#if defined(__SANITIZE_THREAD__) || SANITIZER_FEATURE(thread_sanitizer)
#define SANITIZER_THREAD 1
#else
#define SANITIZER_THREAD 0
#endif

#define SANITIZED (SANITIZER_ADDRESS || SANITIZER_THREAD)
