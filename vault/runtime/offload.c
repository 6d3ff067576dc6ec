// SPDX-License-Identifier: ISC
#include "vault/runtime/offload.h"

#include "vault/runtime/context.h"

#include <pthread.h>
#include <signal.h>

// Jobs don't run on the thread's own stack but on a mapped one, so that it can be wiped after each.
enum { OFFLOAD_STACK_BYTES = 1024 * 1024 };

// Lives on the stack of the fiber that waits for it.
struct offload_job {
    struct status (*work)(void *arg);
    void *arg;
    struct status result;
    struct loop *loop;
    struct loop_task finished;
    struct fiber_event done;
    struct offload_job *next;
};

struct offload_thread {
    struct offload *pool;
    pthread_t id;
    bool running;
    struct stack stack;
    struct context home;
    struct context worker;
    struct offload_job *job;
};

struct offload {
    pthread_mutex_t lock; // guards what follows up to `threads`
    pthread_cond_t work_or_stop;
    struct offload_job *first;
    struct offload_job **end;
    size_t queued;
    size_t busy;
    bool stopping;
    size_t queue_max;
    size_t thread_count;
    struct offload_thread threads[];
};

// On the loop's thread.
static void wake_fiber(struct loop_task *task)
{
    struct offload_job *job = CONTAINER_OF(task, struct offload_job, finished);
    fiber_signal(&job->done);
}

static void run_on_stack(void *arg)
{
    struct offload_thread *t = arg;
    t->job->result = t->job->work(t->job->arg);
    context_exit(&t->worker, &t->home);
}

static void run_job(struct offload_thread *t, struct offload_job *job)
{
    t->job = job;
    context_init(&t->worker, &t->stack, run_on_stack, t);
    context_switch(&t->home, &t->worker);
    context_done(&t->worker);
    stack_wipe(&t->stack);
    t->job = NULL;
    loop_post(job->loop, &job->finished); // the job is gone from here on
}

// NULL when the pool is being freed.
static struct offload_job *take_job(struct offload *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->stopping) {
        pthread_cond_wait(&pool->work_or_stop, &pool->lock);
    }
    struct offload_job *job = pool->first;
    if (job != NULL) {
        pool->first = job->next;
        pool->end = job->next == NULL ? &pool->first : pool->end;
        pool->queued--;
        pool->busy++;
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void rest(struct offload *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->busy--;
    pthread_mutex_unlock(&pool->lock);
}

static void *serve_jobs(void *arg)
{
    struct offload_thread *t = arg;
    struct offload_job *job = take_job(t->pool);
    while (job != NULL) {
        run_job(t, job);
        rest(t->pool);
        job = take_job(t->pool);
    }
    return NULL;
}

// Signals are for the main thread; the new one inherits a mask that blocks them all.
static struct status start_thread(struct offload_thread *t)
{
    TRY(stack_map(OFFLOAD_STACK_BYTES, &t->stack));
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&t->id, NULL, serve_jobs, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        FAIL(UNAVAILABLE, "no thread for heavy work");
    }
    t->running = true;
    pthread_setname_np(t->id, "offload");
    return OK_STATUS;
}

void offload_free(struct offload *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work_or_stop);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++) {
        struct offload_thread *t = &pool->threads[i];
        if (t->running) {
            pthread_join(t->id, NULL);
        }
        stack_unmap(&t->stack);
    }
    pthread_cond_destroy(&pool->work_or_stop);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void offload_cleanup(struct offload **pool)
{
    offload_free(*pool);
}

struct status offload_new(size_t threads, size_t queue_max, struct offload **out)
{
    REQUIRE(threads > 0);
    struct offload *pool CLEANUP(offload_cleanup) =
        calloc(1, sizeof *pool + threads * sizeof pool->threads[0]);
    if (pool == NULL) {
        FAIL(NOMEM, "no memory for the offload pool");
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work_or_stop, NULL);
    pool->end = &pool->first;
    pool->queue_max = queue_max;
    pool->thread_count = threads;
    for (size_t i = 0; i < threads; i++) {
        pool->threads[i].pool = pool;
        TRY(start_thread(&pool->threads[i]));
    }
    *out = TAKE(pool);
    return OK_STATUS;
}

struct offload_stats offload_stats(struct offload *pool)
{
    pthread_mutex_lock(&pool->lock);
    const struct offload_stats stats = {
        .queued = pool->queued, .busy = pool->busy, .threads = pool->thread_count};
    pthread_mutex_unlock(&pool->lock);
    return stats;
}

static bool enqueue(struct offload *pool, struct offload_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool accepted = pool->queued < pool->queue_max && !pool->stopping;
    if (accepted) {
        *pool->end = job;
        pool->end = &job->next;
        pool->queued++;
        pthread_cond_signal(&pool->work_or_stop);
    }
    pthread_mutex_unlock(&pool->lock);
    return accepted;
}

struct status offload_run(struct offload *pool, struct status (*work)(void *arg), void *arg)
{
    struct offload_job job = {
        .work = work,
        .arg = arg,
        .result = OK_STATUS,
        .loop = fiber_loop(),
        .finished = {.run = wake_fiber},
    };
    if (!enqueue(pool, &job)) {
        FAIL(UNAVAILABLE, "too much heavy work is waiting");
    }
    TRY(fiber_wait(&job.done, CLOCK_NEVER));
    return job.result;
}
