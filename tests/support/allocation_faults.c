// SPDX-License-Identifier: ISC
// For LD_PRELOAD into the whole program: makes one allocation fail when a test asks for it. The
// file that ROTUNDA_TEST_ALLOCATIONS names holds two numbers of 64 bits: how many allocations until
// the one that fails (0: none fails), and how many have failed. The program has a realloc() of its
// own (api/heap.c), which asks malloc().
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

struct control {
    _Atomic int64_t left;
    _Atomic int64_t failed;
};

static struct control *control; // NULL: nothing fails

static void *map(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    // NOLINTNEXTLINE(performance-no-int-to-ptr): that is what the system call gives
    return (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);
}

__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("ROTUNDA_TEST_ALLOCATIONS");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        void *at = map(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        control = at == MAP_FAILED ? NULL : at;
        close(fd);
    }
}

static bool fails(void)
{
    if (control == NULL || atomic_load(&control->left) <= 0 ||
        atomic_fetch_sub(&control->left, 1) != 1) {
        return false;
    }
    atomic_fetch_add(&control->failed, 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
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

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails() ? MAP_FAILED : map(at, size, protection, flags, fd, offset);
}
