// SPDX-License-Identifier: ISC
// A loop per test, stopped by a timer when a test hangs or when it says so.
#pragma once

#include "tests/support/test.h"
#include "vault/runtime/loop.h"

static inline int loop_setup(void **state)
{
    struct loop *l = NULL;
    assert_ok(loop_new(&l));
    *state = l;
    return 0;
}

static inline int loop_teardown(void **state)
{
    loop_free(*state);
    return 0;
}

static inline void loop_fixture_expire(struct loop_source *source, uint32_t events)
{
    (void)events;
    loop_stop(source->loop);
}

// Runs the loop for so long, or until something stops it. True if something did.
static inline bool run_for_ms(struct loop *l, int64_t ms)
{
    struct loop_source limit = {
        .fd = -1,
        .deadline_us = clock_monotonic_us() + ms * 1000,
        .dispatch = loop_fixture_expire,
    };
    assert_ok(loop_add(l, &limit));
    loop_run(l);
    bool stopped = limit.deadline_us != CLOCK_NEVER;
    loop_remove(&limit);
    return stopped;
}

enum { SOON_MS = 20, HANG_MS = 30000 };

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)
