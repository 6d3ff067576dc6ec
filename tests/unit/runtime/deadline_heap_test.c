// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/runtime/deadline_heap.h"

enum { COUNT = 500 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static void fill(struct deadline_heap *h, struct loop_source sources[COUNT])
{
    uint32_t seed = 7;
    assert_ok(deadline_heap_reserve(h, COUNT));
    for (size_t i = 0; i < COUNT; i++) {
        sources[i] = (struct loop_source){.deadline_us = next_random(&seed) % 100};
        deadline_heap_place(h, &sources[i]);
    }
}

static size_t drain_in_order(struct deadline_heap *h)
{
    size_t count = 0;
    int64_t last = INT64_MIN;
    while (h->count > 0) {
        struct loop_source *first = deadline_heap_first(h);
        assert_true(first->deadline_us >= last);
        assert_int_equal(first->deadline_us, deadline_heap_next_us(h));
        last = first->deadline_us;
        deadline_heap_drop(h, first);
        count++;
    }
    return count;
}

static void yields_the_earliest_first(void **state)
{
    (void)state;
    struct deadline_heap h = {0};
    static struct loop_source sources[COUNT];
    fill(&h, sources);
    assert_int_equal(drain_in_order(&h), COUNT);
    assert_int_equal(deadline_heap_next_us(&h), CLOCK_NEVER);
    deadline_heap_done(&h);
}

static void keeps_order_when_deadlines_change(void **state)
{
    (void)state;
    struct deadline_heap h = {0};
    static struct loop_source sources[COUNT];
    fill(&h, sources);
    uint32_t seed = 11;
    for (size_t i = 0; i < COUNT; i += 3) {
        sources[i].deadline_us = next_random(&seed) % 200;
        deadline_heap_place(&h, &sources[i]);
    }
    assert_int_equal(drain_in_order(&h), COUNT);
    deadline_heap_done(&h);
}

static void leaves_out_what_was_taken_out_or_has_no_deadline(void **state)
{
    (void)state;
    struct deadline_heap h = {0};
    static struct loop_source sources[COUNT];
    fill(&h, sources);
    for (size_t i = 0; i < COUNT; i += 2) {
        deadline_heap_drop(&h, &sources[i]);
        deadline_heap_drop(&h, &sources[i]); // harmless
    }
    sources[1].deadline_us = CLOCK_NEVER;
    deadline_heap_place(&h, &sources[1]);
    assert_int_equal(drain_in_order(&h), COUNT / 2 - 1);
    deadline_heap_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yields_the_earliest_first),
        cmocka_unit_test(keeps_order_when_deadlines_change),
        cmocka_unit_test(leaves_out_what_was_taken_out_or_has_no_deadline),
    };
    return RUN_TESTS(tests);
}
