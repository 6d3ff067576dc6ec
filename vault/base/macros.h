// SPDX-License-Identifier: ISC
// Compiler annotations used everywhere. Nothing here allocates or runs.
#pragma once

#include <stdlib.h>

// The local variable is handed to `release(&variable)` when it leaves scope.
#define CLEANUP(release) __attribute__((cleanup(release)))

// Moves ownership out of a local that has CLEANUP: yields the value, leaves NULL behind.
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) take_value_ = (p);                                                           \
        (p) = NULL;                                                                                \
        take_value_;                                                                               \
    })

// The returned object must reach `release`; only gcc's analyser understands it.
#if defined(__GNUC__) && !defined(__clang__)
#define OWNED_BY(release) __attribute__((malloc, malloc(release, 1)))
#else
#define OWNED_BY(release)
#endif

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

// The structure that embeds `member`, from a pointer to that member.
#define CONTAINER_OF(ptr, type, member)                                                            \
    ((type *)(void *)((char *)(ptr) - __builtin_offsetof(type, member)))

// A broken invariant of our own ends the process in every build. Never for bad input.
#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
