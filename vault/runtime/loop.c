// SPDX-License-Identifier: ISC
#include "vault/runtime/loop.h"

#include "vault/runtime/deadline_heap.h"
#include "vault/runtime/loop_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LOOP_READY_MAX = 256,
    // Kicks made while kicks are served are served too, so that a fiber's statement leaves in the
    // round that made it; but descriptors are looked at again after this many passes.
    LOOP_KICK_PASSES = 8,
};

// Invariants: every added source has room in `deadlines`; kicked_end points at the NULL that ends
// the list; ready[ready_next..ready_count) names only sources that are still added, or NULL.
struct loop {
    int epoll_fd;
    int64_t now_us;
    size_t source_count; // `wake` among them
    struct deadline_heap deadlines;
    struct loop_source *kicked_first;
    struct loop_source **kicked_end;
    size_t kicked_count;
    struct loop_source wake;            // eventfd, written by loop_post() and loop_stop()
    _Atomic(struct loop_task *) posted; // newest first
    atomic_bool stopping;
    struct loop_extension *extension;
    bool coarse; // the kernel waits by the millisecond only (before Linux 5.11)
    size_t ready_next;
    size_t ready_count;
    struct epoll_event ready[LOOP_READY_MAX];
};

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void loop_free(struct loop *l)
{
    if (l == NULL) {
        return;
    }
    if (l->extension != NULL) {
        l->extension->release(l->extension);
    }
    loop_remove(&l->wake);
    REQUIRE(l->source_count == 0);
    close_fd(l->wake.fd);
    close_fd(l->epoll_fd);
    deadline_heap_done(&l->deadlines);
    free(l);
}

static void loop_cleanup(struct loop **l)
{
    loop_free(*l);
}

// Nothing fails here that matters: a full counter means that the loop is about to wake anyway.
static void wake_up(const struct loop *l)
{
    int saved_errno = errno; // may run in a signal handler
    uint64_t one = 1;
    ssize_t written = write(l->wake.fd, &one, sizeof one);
    (void)written;
    errno = saved_errno;
}

// The stack is newest first; tasks run in the order in which they were posted.
static struct loop_task *take_posted(struct loop *l)
{
    struct loop_task *newest = atomic_exchange(&l->posted, NULL);
    struct loop_task *first = NULL;
    while (newest != NULL) {
        struct loop_task *task = newest;
        newest = task->next;
        task->next = first;
        first = task;
    }
    return first;
}

static void run_posted(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct loop *l = CONTAINER_OF(source, struct loop, wake);
    uint64_t count = 0;
    // Before the stack is taken: whoever posts after that writes again.
    ssize_t got = read(source->fd, &count, sizeof count);
    (void)got;
    struct loop_task *task = take_posted(l);
    while (task != NULL) {
        struct loop_task *next = task->next; // running it may release it
        task->run(task);
        task = next;
    }
}

struct status loop_new(struct loop **out)
{
    struct loop *l CLEANUP(loop_cleanup) = calloc(1, sizeof *l);
    if (l == NULL) {
        FAIL(NOMEM, "no memory for an event loop");
    }
    l->kicked_end = &l->kicked_first;
    l->now_us = clock_monotonic_us();
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake = (struct loop_source){
        .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .events = EPOLLIN,
        .deadline_us = CLOCK_NEVER,
        .dispatch = run_posted,
    };
    if (l->epoll_fd < 0 || l->wake.fd < 0) {
        FAIL(UNAVAILABLE, "no descriptor for an event loop (raise the limit of open files)");
    }
    TRY(loop_add(l, &l->wake));
    *out = TAKE(l);
    return OK_STATUS;
}

static int tell_epoll(struct loop *l, int operation, struct loop_source *source)
{
    struct epoll_event event = {.events = source->events, .data.ptr = source};
    return epoll_ctl(l->epoll_fd, operation, source->fd, &event);
}

struct status loop_add(struct loop *l, struct loop_source *source)
{
    REQUIRE(source->loop == NULL && source->dispatch != NULL);
    TRY(deadline_heap_reserve(&l->deadlines, l->source_count + 1));
    if (source->fd >= 0 && tell_epoll(l, EPOLL_CTL_ADD, source) != 0) {
        if (errno == ENOMEM) {
            FAIL(NOMEM, "no memory to watch a descriptor");
        }
        FAIL(UNAVAILABLE, "the descriptor can't be watched");
    }
    l->source_count++;
    source->loop = l;
    source->registered_events = source->events;
    source->heap_index = 0;
    source->next_kicked = NULL;
    source->kicked_slot = NULL;
    deadline_heap_place(&l->deadlines, source);
    return OK_STATUS;
}

void loop_update(struct loop_source *source)
{
    struct loop *l = source->loop;
    REQUIRE(l != NULL);
    if (source->fd >= 0 && source->events != source->registered_events) {
        REQUIRE(tell_epoll(l, EPOLL_CTL_MOD, source) == 0);
        source->registered_events = source->events;
    }
    deadline_heap_place(&l->deadlines, source);
}

static void unkick(struct loop *l, struct loop_source *source)
{
    if (source->kicked_slot == NULL) {
        return;
    }
    struct loop_source *next = source->next_kicked;
    *source->kicked_slot = next;
    if (next != NULL) {
        next->kicked_slot = source->kicked_slot;
    } else {
        l->kicked_end = source->kicked_slot;
    }
    source->kicked_slot = NULL;
    source->next_kicked = NULL;
    l->kicked_count--;
}

static void forget_ready(struct loop *l, const struct loop_source *source)
{
    for (size_t i = l->ready_next; i < l->ready_count; i++) {
        if (l->ready[i].data.ptr == source) {
            l->ready[i].data.ptr = NULL;
        }
    }
}

void loop_remove(struct loop_source *source)
{
    struct loop *l = source->loop;
    if (l == NULL) {
        return;
    }
    if (source->fd >= 0) {
        // Fails when the descriptor was closed already, and then there is nothing to take out.
        (void)tell_epoll(l, EPOLL_CTL_DEL, source);
    }
    forget_ready(l, source);
    unkick(l, source);
    deadline_heap_drop(&l->deadlines, source);
    source->loop = NULL;
    l->source_count--;
}

void loop_kick(struct loop_source *source)
{
    struct loop *l = source->loop;
    REQUIRE(l != NULL);
    if (source->kicked_slot != NULL) {
        return;
    }
    source->next_kicked = NULL;
    source->kicked_slot = l->kicked_end;
    *l->kicked_end = source;
    l->kicked_end = &source->next_kicked;
    l->kicked_count++;
}

// How long nothing needs to be done; CLOCK_NEVER when only a descriptor can bring work.
static int64_t idle_us(const struct loop *l)
{
    if (l->kicked_first != NULL) {
        return 0;
    }
    int64_t next_us = deadline_heap_next_us(&l->deadlines);
    if (next_us == CLOCK_NEVER) {
        return CLOCK_NEVER;
    }
    int64_t left_us = next_us - clock_monotonic_us();
    return left_us < 0 ? 0 : left_us;
}

// Rounded up, so that no deadline is early.
static int wait_coarsely(struct loop *l, int64_t wait_us)
{
    int64_t wait_ms = wait_us == CLOCK_NEVER ? -1 : (wait_us + 999) / 1000;
    return epoll_wait(l->epoll_fd, l->ready, LOOP_READY_MAX,
                      wait_ms > INT_MAX ? INT_MAX : (int)wait_ms);
}

static int wait_ready(struct loop *l, int64_t wait_us)
{
    if (l->coarse || wait_us == 0) {
        return wait_coarsely(l, wait_us);
    }
    struct timespec limit = {.tv_sec = wait_us / CLOCK_SECOND,
                             .tv_nsec = wait_us % CLOCK_SECOND * 1000};
    int count = epoll_pwait2(l->epoll_fd, l->ready, LOOP_READY_MAX,
                             wait_us == CLOCK_NEVER ? NULL : &limit, NULL);
    l->coarse = count < 0 && errno == ENOSYS;
    return l->coarse ? wait_coarsely(l, wait_us) : count;
}

static void collect_ready(struct loop *l)
{
    int count = wait_ready(l, idle_us(l));
    REQUIRE(count >= 0 || errno == EINTR);
    l->ready_next = 0;
    l->ready_count = count < 0 ? 0 : (size_t)count;
    l->now_us = clock_monotonic_us();
}

static void dispatch_ready(struct loop *l)
{
    while (l->ready_next < l->ready_count) {
        const struct epoll_event *event = &l->ready[l->ready_next++];
        struct loop_source *source = event->data.ptr;
        if (source == NULL) {
            continue;
        }
        // An earlier dispatch of this round may have changed what it waits for.
        uint32_t events = event->events & (source->events | EPOLLERR | EPOLLHUP);
        if (events != 0) {
            source->dispatch(source, events);
        }
    }
}

static void dispatch_due(struct loop *l)
{
    // Counted, so that a source which sets a deadline in the past can't hold the loop.
    for (size_t left = l->deadlines.count; left > 0; left--) {
        if (deadline_heap_next_us(&l->deadlines) > l->now_us) {
            return;
        }
        struct loop_source *source = deadline_heap_first(&l->deadlines);
        source->deadline_us = CLOCK_NEVER;
        deadline_heap_drop(&l->deadlines, source);
        source->dispatch(source, 0);
    }
}

static void dispatch_kicked(struct loop *l)
{
    for (int pass = 0; pass < LOOP_KICK_PASSES; pass++) {
        for (size_t left = l->kicked_count; left > 0 && l->kicked_first != NULL; left--) {
            struct loop_source *source = l->kicked_first;
            unkick(l, source);
            source->dispatch(source, 0);
        }
    }
}

void loop_run(struct loop *l)
{
    while (!atomic_load(&l->stopping)) {
        collect_ready(l);
        dispatch_ready(l);
        dispatch_due(l);
        dispatch_kicked(l);
    }
    atomic_store(&l->stopping, false);
}

int64_t loop_now_us(const struct loop *l)
{
    return l->now_us;
}

void loop_post(struct loop *l, struct loop_task *task)
{
    struct loop_task *first = atomic_load_explicit(&l->posted, memory_order_relaxed);
    do {
        task->next = first;
    } while (!atomic_compare_exchange_weak(&l->posted, &first, task));
    // Whoever put the first one there has woken the loop for all.
    if (first == NULL) {
        wake_up(l);
    }
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stopping, true);
    wake_up(l);
}

struct loop_extension *loop_extension_get(const struct loop *l)
{
    return l->extension;
}

void loop_extension_set(struct loop *l, struct loop_extension *extension)
{
    l->extension = extension;
}
