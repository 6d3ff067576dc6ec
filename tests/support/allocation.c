// SPDX-License-Identifier: ISC
#include "tests/support/allocation.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/test.h"

// The allocator behind ours: the sanitizer's, which finds leaks and overruns, or the C library's.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BEHIND(name) __interceptor_##name
#else
#define BEHIND(name) __libc_##name
#endif
void *BEHIND(malloc)(size_t size);
void *BEHIND(calloc)(size_t count, size_t size);
void *BEHIND(realloc)(void *old, size_t size);
void *BEHIND(memalign)(size_t alignment, size_t size);
void BEHIND(free)(void *memory);

enum { OPERATION_ALLOCATIONS_MAX = 100000 };

static _Thread_local struct {
    bool armed;
    size_t left; // allocations until the one that fails; 0: none fails any more
    bool failed;
    long live; // allocated less released, while armed
} state;

// Is it this one's turn?
static bool fails(void)
{
    if (!state.armed || state.left == 0 || --state.left > 0) {
        return false;
    }
    state.failed = true;
    errno = ENOMEM;
    return true;
}

static void *counted(void *memory)
{
    state.live += state.armed && memory != NULL;
    return memory;
}

void *malloc(size_t size)
{
    return fails() ? NULL : counted(BEHIND(malloc)(size));
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(BEHIND(calloc)(count, size));
}

void *realloc(void *old, size_t size)
{
    if (fails()) {
        return NULL;
    }
    void *memory = BEHIND(realloc)(old, size);
    return old == NULL ? counted(memory) : memory;
}

// The sanitizer's own would pass by ours.
void *reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : counted(BEHIND(memalign)(alignment, size));
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *memory = aligned_alloc(alignment, size);
    if (memory == NULL) {
        return ENOMEM;
    }
    *out = memory;
    return 0;
}

void free(void *memory)
{
    state.live -= state.armed && memory != NULL;
    BEHIND(free)(memory);
}

// Secret memory is mapped.
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fails()) {
        return MAP_FAILED;
    }
    // NOLINTNEXTLINE(performance-no-int-to-ptr): that is what the system call gives
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

static struct status run(allocation_operation *operation, void *ctx, size_t failing)
{
    state.left = failing;
    state.failed = false;
    state.live = 0;
    state.armed = true;
    struct status s = operation(ctx);
    state.armed = false;
    return s;
}

static void check(struct status s, size_t number, bool tolerant)
{
    if (s.code != STATUS_NOMEM && !(tolerant && s.code == STATUS_OK)) {
        fail_msg("allocation %zu failed: %s: %s (line %u)", number, status_label(s.code), s.what,
                 s.line);
    }
    if (!tolerant && state.live != 0) {
        fail_msg("allocation %zu failed: %ld blocks are left", number, state.live);
    }
}

static void fail_each(allocation_operation *operation, void *ctx, bool tolerant)
{
    assert_ok(run(operation, ctx, 0)); // whatever is made once per process is there now
    for (size_t number = 1; number < OPERATION_ALLOCATIONS_MAX; number++) {
        struct status s = run(operation, ctx, number);
        if (!state.failed) {
            assert_ok(s);
            assert_true(number > 1); // else nothing was tried
            return;
        }
        check(s, number, tolerant);
    }
    fail_msg("the operation doesn't come to an end");
}

void allocation_fail_each(allocation_operation *operation, void *ctx)
{
    fail_each(operation, ctx, false);
}

void allocation_fail_each_tolerant(allocation_operation *operation, void *ctx)
{
    fail_each(operation, ctx, true);
}
