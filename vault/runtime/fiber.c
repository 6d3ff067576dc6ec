// SPDX-License-Identifier: ISC
#include "vault/runtime/fiber.h"

#include "vault/base/limits.h"
#include "vault/runtime/context.h"
#include "vault/runtime/loop_internal.h"

enum {
    FIBER_POOL_MAX = 2048,            // ended ones kept for reuse, STACK_KEPT_BYTES each
    RUN_AT_ONCE = 32,                 // before others get their turn
    FAULTS_UNKNOWN = -1,              // differs from every count
    FIBER_TRIM_US = 5 * CLOCK_SECOND, // those that nobody needed for so long are released
};

struct fiber {
    struct fiber_scheduler *scheduler;
    struct context context;
    struct stack stack;
    void (*entry)(void *arg);
    void *arg;
    struct fiber_event *awaited; // NULL unless in fiber_wait()
    struct loop_source timer;
    struct fiber *next;    // among the ready, the ended or the pooled
    int64_t faults_before; // stack_faults() at some time before it started
    bool ended;
};

struct fiber_scheduler {
    struct loop_extension extension;
    struct loop *loop;
    struct context home;       // the loop's own stack while a fiber runs
    struct loop_source runner; // kicked while anything is ready
    struct fiber *ready;       // in order
    struct fiber **ready_end;
    size_t live;
    int64_t faults;             // as looked at last; FAULTS_UNKNOWN before
    struct loop_source trimmer; // has a deadline while anything is pooled
    struct fiber *pool;         // last in, first out: the warm ones
    size_t pooled;
    size_t pooled_least; // since the last trim
};

static _Thread_local struct fiber *current;

static struct fiber_scheduler *scheduler_of(const struct loop *l)
{
    struct loop_extension *extension = loop_extension_get(l);
    return extension == NULL ? NULL : CONTAINER_OF(extension, struct fiber_scheduler, extension);
}

static void make_ready(struct fiber *f)
{
    struct fiber_scheduler *s = f->scheduler;
    f->next = NULL;
    *s->ready_end = f;
    s->ready_end = &f->next;
    loop_kick(&s->runner);
}

static void fiber_free(struct fiber *f)
{
    loop_remove(&f->timer);
    stack_unmap(&f->stack);
    free(f);
}

static void fiber_cleanup(struct fiber **f)
{
    if (*f != NULL) {
        fiber_free(*f);
    }
}

// The waiter's deadline has passed before the event was set.
static void give_up_waiting(struct loop_source *timer, uint32_t events)
{
    (void)events;
    struct fiber *f = CONTAINER_OF(timer, struct fiber, timer);
    f->awaited->waiter = NULL;
    make_ready(f);
}

static struct status fiber_new(struct fiber_scheduler *s, struct fiber **out)
{
    struct fiber *f CLEANUP(fiber_cleanup) = calloc(1, sizeof *f);
    if (f == NULL) {
        FAIL(NOMEM, "no memory for a fiber");
    }
    f->scheduler = s;
    f->timer =
        (struct loop_source){.fd = -1, .deadline_us = CLOCK_NEVER, .dispatch = give_up_waiting};
    TRY(stack_map(LIMIT_FIBER_STACK_BYTES, &f->stack));
    TRY(loop_add(s->loop, &f->timer));
    *out = TAKE(f);
    return OK_STATUS;
}

static struct fiber *pool_take(struct fiber_scheduler *s)
{
    struct fiber *f = s->pool;
    if (f != NULL) {
        s->pool = f->next;
        // lint: allow(analyzer) the caller gets it
        s->pooled--;
        s->pooled_least = s->pooled < s->pooled_least ? s->pooled : s->pooled_least;
    }
    return f;
}

static void pool_put(struct fiber_scheduler *s, struct fiber *f)
{
    if (s->pooled == FIBER_POOL_MAX) {
        fiber_free(f);
        return;
    }
    f->next = s->pool;
    s->pool = f;
    s->pooled++;
    if (s->trimmer.deadline_us == CLOCK_NEVER) {
        s->pooled_least = 0;
        s->trimmer.deadline_us = loop_now_us(s->loop) + FIBER_TRIM_US;
        loop_update(&s->trimmer);
    }
}

static void trim_pool(struct loop_source *trimmer, uint32_t events)
{
    (void)events;
    struct fiber_scheduler *s = CONTAINER_OF(trimmer, struct fiber_scheduler, trimmer);
    for (size_t unneeded = s->pooled_least; unneeded > 0; unneeded--) {
        fiber_free(pool_take(s));
    }
    s->pooled_least = s->pooled;
    if (s->pooled > 0) {
        trimmer->deadline_us = loop_now_us(s->loop) + FIBER_TRIM_US;
        loop_update(trimmer);
    }
}

static void retire(struct fiber *f)
{
    struct fiber_scheduler *s = f->scheduler;
    context_done(&f->context);
    if (f->faults_before == s->faults) {
        stack_wipe_top(&f->stack);
    } else {
        stack_wipe(&f->stack);
    }
    s->live--;
    pool_put(s, f);
}

// Together, because counting faults is a system call.
static void retire_all(struct fiber_scheduler *s, struct fiber *ended)
{
    if (ended != NULL) {
        s->faults = stack_faults();
    }
    while (ended != NULL) {
        struct fiber *next = ended->next;
        retire(ended);
        ended = next;
    }
}

// Some of the ready: the other sources get their turn between them, and so do those that become
// ready meanwhile.
static struct fiber *take_ready(struct fiber_scheduler *s)
{
    struct fiber *first = s->ready;
    struct fiber **end = &s->ready;
    for (size_t i = 0; i < RUN_AT_ONCE && *end != NULL; i++) {
        end = &(*end)->next;
    }
    s->ready = *end;
    *end = NULL;
    if (s->ready == NULL) {
        s->ready_end = &s->ready;
    } else {
        loop_kick(&s->runner);
    }
    return first;
}

static void run_ready(struct loop_source *runner, uint32_t events)
{
    (void)events;
    struct fiber_scheduler *s = CONTAINER_OF(runner, struct fiber_scheduler, runner);
    struct fiber *f = take_ready(s);
    struct fiber *ended = NULL;
    while (f != NULL) {
        struct fiber *next = f->next;
        current = f;
        context_switch(&s->home, &f->context);
        current = NULL;
        if (f->ended) {
            f->next = ended;
            ended = f;
        }
        f = next;
    }
    retire_all(s, ended);
}

static void fiber_main(void *arg)
{
    struct fiber *f = arg;
    f->entry(f->arg);
    f->ended = true;
    context_exit(&f->context, &f->scheduler->home);
}

static void suspend(struct fiber *f)
{
    context_switch(&f->context, &f->scheduler->home);
}

static void scheduler_free(struct fiber_scheduler *s)
{
    REQUIRE(s->live == 0);
    while (s->pool != NULL) {
        fiber_free(pool_take(s));
    }
    loop_remove(&s->trimmer);
    loop_remove(&s->runner);
    free(s);
}

static void scheduler_cleanup(struct fiber_scheduler **s)
{
    if (*s != NULL) {
        scheduler_free(*s);
    }
}

static void scheduler_release(struct loop_extension *extension)
{
    scheduler_free(CONTAINER_OF(extension, struct fiber_scheduler, extension));
}

static struct status scheduler_new(struct loop *l)
{
    struct fiber_scheduler *s CLEANUP(scheduler_cleanup) = calloc(1, sizeof *s);
    if (s == NULL) {
        FAIL(NOMEM, "no memory for the fibers of a loop");
    }
    s->loop = l;
    s->ready_end = &s->ready;
    s->faults = FAULTS_UNKNOWN;
    s->extension.release = scheduler_release;
    s->runner = (struct loop_source){.fd = -1, .deadline_us = CLOCK_NEVER, .dispatch = run_ready};
    s->trimmer = (struct loop_source){.fd = -1, .deadline_us = CLOCK_NEVER, .dispatch = trim_pool};
    TRY(loop_add(l, &s->runner));
    TRY(loop_add(l, &s->trimmer));
    loop_extension_set(l, &TAKE(s)->extension);
    return OK_STATUS;
}

struct status fiber_start(struct loop *l, void (*entry)(void *arg), void *arg)
{
    if (scheduler_of(l) == NULL) {
        TRY(scheduler_new(l));
    }
    struct fiber_scheduler *s = scheduler_of(l);
    if (s->live >= LIMIT_FIBERS_PER_WORKER) {
        FAIL(LIMIT, "too many requests at once on this worker");
    }
    struct fiber *f = pool_take(s);
    if (f == NULL) {
        TRY(fiber_new(s, &f));
    }
    f->entry = entry;
    f->arg = arg;
    f->ended = false;
    f->faults_before = s->faults;
    context_init(&f->context, &f->stack, fiber_main, f);
    s->live++;
    // lint: allow(analyzer) it is among the ready, and ends itself
    make_ready(f);
    return OK_STATUS;
}

struct fiber *fiber_current(void)
{
    return current;
}

struct loop *fiber_loop(void)
{
    REQUIRE(current != NULL);
    return current->scheduler->loop;
}

struct status fiber_wait(struct fiber_event *event, int64_t deadline_us)
{
    struct fiber *f = current;
    REQUIRE(f != NULL && event->waiter == NULL);
    if (event->set) {
        return OK_STATUS;
    }
    event->waiter = f;
    f->awaited = event;
    f->timer.deadline_us = deadline_us;
    loop_update(&f->timer);
    suspend(f);
    f->awaited = NULL;
    // It may have been set between the deadline and now.
    if (!event->set) {
        FAIL(TIMEOUT, "the deadline passed while waiting");
    }
    return OK_STATUS;
}

void fiber_signal(struct fiber_event *event)
{
    event->set = true;
    struct fiber *f = event->waiter;
    if (f == NULL) {
        return;
    }
    event->waiter = NULL;
    f->timer.deadline_us = CLOCK_NEVER;
    loop_update(&f->timer);
    make_ready(f);
}

void fiber_sleep_until(int64_t deadline_us)
{
    struct fiber_event never = {0};
    status_ignore(fiber_wait(&never, deadline_us)); // TIMEOUT is what it waits for
}

void fiber_yield(void)
{
    REQUIRE(current != NULL);
    make_ready(current);
    suspend(current);
}

size_t fiber_count(const struct loop *l)
{
    const struct fiber_scheduler *s = scheduler_of(l);
    return s == NULL ? 0 : s->live;
}
