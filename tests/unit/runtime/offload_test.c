// SPDX-License-Identifier: ISC
#include "tests/unit/runtime/loop_fixture.h"
#include "tests/unit/runtime/stack_marker.h"

#include "vault/runtime/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static struct offload *pool;

struct job {
    pthread_t ran_on;
    bool signals_blocked;
    struct status result; // to return from the work
    struct status seen;   // what offload_run() said
    atomic_bool *gate;    // the work waits for it
    int *unfinished;      // stops the loop at 0
};

static struct status work(void *arg)
{
    struct job *job = arg;
    job->ran_on = pthread_self();
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    job->signals_blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGALRM) == 1;
    while (job->gate != NULL && !atomic_load(job->gate)) {
        usleep(1000);
    }
    return job->result;
}

static void run_offloaded(void *arg)
{
    struct job *job = arg;
    job->seen = offload_run(pool, work, job);
    if (--*job->unfinished == 0) {
        loop_stop(fiber_loop());
    }
}

static int teardown(void **state)
{
    offload_free(pool);
    pool = NULL;
    return loop_teardown(state);
}

static void work_runs_on_another_thread_without_signals(void **state)
{
    assert_ok(offload_new(2, 8, &pool));
    int unfinished = 1;
    struct job job = {.result = OK_STATUS, .unfinished = &unfinished};
    assert_ok(fiber_start(*state, run_offloaded, &job));
    assert_true(run_for_ms(*state, HANG_MS));
    assert_ok(job.seen);
    assert_false(pthread_equal(job.ran_on, pthread_self()));
    assert_true(job.signals_blocked);
}

static void status_of_the_work_is_handed_back(void **state)
{
    assert_ok(offload_new(1, 8, &pool));
    int unfinished = 1;
    struct job job = {.result = MAKE_STATUS(CONFLICT, "as told"), .unfinished = &unfinished};
    assert_ok(fiber_start(*state, run_offloaded, &job));
    assert_true(run_for_ms(*state, HANG_MS));
    assert_status(CONFLICT, job.seen);
    assert_string_equal(job.seen.what, "as told");
}

static void open_gate(void *gate)
{
    atomic_store((atomic_bool *)gate, true);
}

static void full_queue_is_unavailable(void **state)
{
    enum { JOBS = 12, THREADS = 1, QUEUE = 4 };
    assert_ok(offload_new(THREADS, QUEUE, &pool));
    int unfinished = JOBS;
    atomic_bool gate = false;
    struct job jobs[JOBS];
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.result = OK_STATUS, .gate = &gate, .unfinished = &unfinished};
        assert_ok(fiber_start(*state, run_offloaded, &jobs[i]));
    }
    assert_ok(fiber_start(*state, open_gate, &gate));
    assert_true(run_for_ms(*state, HANG_MS));
    int refused = 0;
    for (int i = 0; i < JOBS; i++) {
        refused += jobs[i].seen.code == STATUS_UNAVAILABLE;
    }
    // The thread may or may not have taken one when the queue fills.
    assert_in_range(refused, JOBS - QUEUE - THREADS, JOBS - QUEUE);
}

static void many_jobs_of_many_fibers_all_finish(void **state)
{
    enum { JOBS = 500 };
    static struct job jobs[JOBS];
    assert_ok(offload_new(4, JOBS, &pool));
    int unfinished = JOBS;
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.result = OK_STATUS, .unfinished = &unfinished};
        assert_ok(fiber_start(*state, run_offloaded, &jobs[i]));
    }
    assert_true(run_for_ms(*state, HANG_MS));
    for (int i = 0; i < JOBS; i++) {
        assert_ok(jobs[i].seen);
    }
}

static struct status leave_secrets(void *copies)
{
    *(int *)copies = stack_marker_spread(STACK_MARKER_DEPTH_BYTES);
    return OK_STATUS;
}

static struct status look_for_secrets(void *copies)
{
    *(int *)copies = stack_marker_count();
    return OK_STATUS;
}

struct residue {
    int made;
    int found;
};

static void offload_secrets(void *arg)
{
    struct residue *residue = arg;
    assert_ok(offload_run(pool, leave_secrets, &residue->made));
    assert_ok(offload_run(pool, look_for_secrets, &residue->found));
    loop_stop(fiber_loop());
}

static void no_secret_is_left_for_the_next_job(void **state)
{
    assert_ok(offload_new(1, 8, &pool));
    struct residue residue = {.found = -1};
    assert_ok(fiber_start(*state, offload_secrets, &residue));
    assert_true(run_for_ms(*state, HANG_MS));
    assert_true(residue.made > 50);
    assert_int_equal(residue.found, 0);
}

#define OFFLOAD_TEST(name) cmocka_unit_test_setup_teardown(name, loop_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OFFLOAD_TEST(work_runs_on_another_thread_without_signals),
        OFFLOAD_TEST(status_of_the_work_is_handed_back),
        OFFLOAD_TEST(full_queue_is_unavailable),
        OFFLOAD_TEST(no_secret_is_left_for_the_next_job),
        OFFLOAD_TEST(many_jobs_of_many_fibers_all_finish),
    };
    return RUN_TESTS(tests);
}
