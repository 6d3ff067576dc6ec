// SPDX-License-Identifier: ISC
#include "api/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"
#include "vault/base/sanitizer.h"

enum { REPLACED = !SANITIZED };

// The heap keeps its own notes at the start of a free block.
enum { NOTES_BYTES = 32 };
static const size_t sizes[] = {64, 200, 1000, 5000, 100000};

// Volatile, or the compiler leaves out what it knows to be freed next.
static void mark(char *block, size_t size)
{
    volatile char *at = block;
    for (size_t i = 0; i < size; i++) {
        at[i] = 'S';
    }
}

// Through an integer: the compiler must not know that the block is gone.
static size_t marked_octets(uintptr_t block, size_t size)
{
    const volatile uint8_t *at = (const volatile uint8_t *)block;
    size_t count = 0;
    for (size_t i = NOTES_BYTES; i < size; i++) {
        count += at[i] == 'S';
    }
    return count;
}

static void a_freed_block_holds_nothing_of_what_it_held(void **state)
{
    (void)state;
    for (size_t i = 0; REPLACED && i < ARRAY_LEN(sizes); i++) {
        char *block = malloc(sizes[i]);
        mark(block, sizes[i]);
        uintptr_t at = (uintptr_t)block;
        free(block);
        assert_int_equal(0, marked_octets(at, sizes[i]));
    }
}

static void a_block_that_moves_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t i = 0; REPLACED && i < ARRAY_LEN(sizes); i++) {
        char *block = malloc(sizes[i]);
        mark(block, sizes[i]);
        uintptr_t at = (uintptr_t)block;
        char *moved = realloc(block, sizes[i] * 3);
        assert_int_equal(0, marked_octets(at, sizes[i]));
        assert_int_equal(sizes[i] - NOTES_BYTES, marked_octets((uintptr_t)moved, sizes[i]));
        free(moved);
    }
}

static void realloc_keeps_its_contract(void **state)
{
    (void)state;
    char *block = realloc(NULL, 10);
    assert_non_null(block);
    memcpy(block, "123456789", 10);
    block = realloc(block, 4000);
    assert_string_equal("123456789", block);
    block = realloc(block, 5);
    assert_memory_equal("12345", block, 5);
    // The sanitizers end the process here.
    char *too_large = REPLACED ? realloc(block, SIZE_MAX / 2) : NULL;
    assert_null(too_large);
    if (too_large == NULL) { // the block stays
        assert_memory_equal("12345", block, 5);
        free(block);
    }
}

int main(void)
{
    heap_tune();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freed_block_holds_nothing_of_what_it_held),
        cmocka_unit_test(a_block_that_moves_leaves_nothing_behind),
        cmocka_unit_test(realloc_keeps_its_contract),
    };
    return RUN_TESTS(tests);
}
