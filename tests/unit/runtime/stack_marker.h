// SPDX-License-Identifier: ISC
// Leaves a marker secret all over the running stack, and looks for what was left of it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vault/base/sanitizer.h"

enum { STACK_MARKER_DEPTH_BYTES = 128 * 1024, STACK_MARKER_FRAME_BYTES = 1024 };

static const char stack_marker[] = "s.SECRETMARKER-0123456789abcdef";

// Puts the marker on the stack down to `depth_bytes` and returns how many copies it made.
__attribute__((noinline)) static int stack_marker_spread(size_t depth_bytes)
{
    volatile char frame[STACK_MARKER_FRAME_BYTES];
    for (size_t i = 0; i < sizeof stack_marker; i++) {
        frame[i] = stack_marker[i];
    }
    int below = 0;
    if (depth_bytes > STACK_MARKER_FRAME_BYTES) {
        below = stack_marker_spread(depth_bytes - STACK_MARKER_FRAME_BYTES);
    }
    return below + (frame[0] == stack_marker[0]);
}

// Counts the copies in the unused part of the running stack, as its previous user left it.
__attribute__((noinline, no_sanitize("address"))) static int stack_marker_count(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0) - STACK_MARKER_FRAME_BYTES;
    const volatile char *lowest = (const volatile char *)(here - STACK_MARKER_DEPTH_BYTES);
    int found = 0;
    for (size_t i = 0; i < STACK_MARKER_DEPTH_BYTES; i++) {
        size_t same = 0;
        while (same < 8 && lowest[i + same] == stack_marker[same]) {
            same++;
        }
        found += same == 8;
    }
    return found;
}
