// SPDX-License-Identifier: ISC
#include "vault/runtime/stack.h"

#include "vault/base/macros.h"
#include "vault/runtime/annotate.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// Wider than a page: it must be hit even by a frame of -Wstack-usage's size in code that was built
// without -fstack-clash-protection. It is never touched, so it costs addresses only.
enum { STACK_GUARD_BYTES = 64 * 1024 };

static void announce(struct stack *s)
{
#if SANITIZER_ADDRESS
    __lsan_register_root_region(s->bottom, s->size_bytes);
#endif
#if ANNOTATE_VALGRIND
    s->valgrind_id = VALGRIND_STACK_REGISTER(s->bottom, s->bottom + s->size_bytes);
#endif
    (void)s;
}

static void withdraw(const struct stack *s)
{
#if SANITIZER_ADDRESS
    __lsan_unregister_root_region(s->bottom, s->size_bytes);
    __asan_unpoison_memory_region(s->bottom, s->size_bytes);
#endif
#if ANNOTATE_VALGRIND
    VALGRIND_STACK_DEREGISTER(s->valgrind_id);
#endif
    (void)s;
}

// What frames left behind counts as unusable until the tools are told otherwise.
static void make_writable(const struct stack *s)
{
#if SANITIZER_ADDRESS
    __asan_unpoison_memory_region(s->bottom, s->size_bytes);
#endif
#if ANNOTATE_VALGRIND
    (void)VALGRIND_MAKE_MEM_UNDEFINED(s->bottom, s->size_bytes);
#endif
    (void)s;
}

struct status stack_map(size_t size_bytes, struct stack *out)
{
    size_t total = STACK_GUARD_BYTES + size_bytes;
    uint8_t *base = mmap(NULL, total, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED) {
        FAIL(NOMEM, "no memory for a stack");
    }
    if (madvise(base, total, MADV_DONTDUMP) != 0 ||
        mprotect(base, STACK_GUARD_BYTES, PROT_NONE) != 0) {
        munmap(base, total);
        FAIL(NOMEM, "no memory for a stack's guard (raise vm.max_map_count)");
    }
    struct stack s = {.bottom = base + STACK_GUARD_BYTES, .size_bytes = size_bytes};
    announce(&s);
    *out = s;
    return OK_STATUS;
}

void stack_unmap(struct stack *s)
{
    if (s->bottom == NULL) {
        return;
    }
    withdraw(s);
    munmap(s->bottom - STACK_GUARD_BYTES, STACK_GUARD_BYTES + s->size_bytes);
    *s = (struct stack){0};
}

static size_t kept_bytes(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return page > STACK_KEPT_BYTES ? page : STACK_KEPT_BYTES;
}

void stack_wipe_top(const struct stack *s)
{
    size_t kept = kept_bytes();
    make_writable(s);
    explicit_bzero(s->bottom + s->size_bytes - kept, kept);
}

// How deep a stack was used can't be told from its contents, and asking the kernel which pages are
// present overlooks those in swap. So the top, which nearly every fiber stays within, is cleared,
// and the rest is given back: one system call that costs little when nothing is there, reaches
// swap, and keeps pooled stacks small.
void stack_wipe(const struct stack *s)
{
    size_t deep = s->size_bytes - kept_bytes();
    stack_wipe_top(s);
    if (madvise(s->bottom, deep, MADV_DONTNEED) != 0) {
        explicit_bzero(s->bottom, deep); // refused for locked memory
    }
}

int64_t stack_faults(void)
{
    struct rusage usage;
    REQUIRE(getrusage(RUSAGE_THREAD, &usage) == 0);
    return (int64_t)usage.ru_minflt + usage.ru_majflt;
}
