// SPDX-License-Identifier: ISC
#include "vault/base/arena.h"

#include <string.h>

#include "tests/support/test.h"

enum { MAX_BYTES = 64 * 1024 };

static int set_up(void **state)
{
    *state = arena_new(MAX_BYTES);
    return *state == NULL;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static void memory_is_zeroed_and_aligned(void **state)
{
    static const uint8_t zeros[100];
    for (size_t size = 1; size <= sizeof zeros; size++) {
        uint8_t *at = arena_alloc(*state, size);
        assert_non_null(at);
        assert_int_equal(0, (uintptr_t)at % 16);
        assert_memory_equal(zeros, at, size);
    }
}

static void more_than_the_maximum_is_refused(void **state)
{
    assert_null(arena_alloc(*state, MAX_BYTES + 1));
    assert_non_null(arena_alloc(*state, MAX_BYTES));
    assert_null(arena_alloc(*state, 1));
}

static void array_too_large_to_count_is_refused(void **state)
{
    assert_null(arena_alloc_array(*state, SIZE_MAX / 2, 4));
}

static void reset_wipes_what_the_last_user_left(void **state)
{
    char *secret = arena_alloc(*state, 32);
    memcpy(secret, "marker secret", sizeof "marker secret");
    arena_reset(*state);
    // The same memory, still there and not yet given out again.
    assert_int_equal('\0', *(volatile char *)secret);
}

static void reset_gives_the_whole_maximum_back(void **state)
{
    assert_non_null(arena_alloc(*state, 100));
    assert_non_null(arena_alloc(*state, MAX_BYTES / 2));
    arena_reset(*state);
    assert_non_null(arena_alloc(*state, MAX_BYTES / 2));
    arena_reset(*state);
    arena_reset(*state);
    assert_non_null(arena_alloc(*state, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_is_zeroed_and_aligned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_the_maximum_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(array_too_large_to_count_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reset_wipes_what_the_last_user_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reset_gives_the_whole_maximum_back, set_up, tear_down),
    };
    return RUN_TESTS(tests);
}
