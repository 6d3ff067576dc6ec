// SPDX-License-Identifier: ISC
#include "tests/unit/runtime/loop_fixture.h"

#include "vault/base/limits.h"
#include "vault/runtime/annotate.h"
#include "vault/runtime/fiber.h"

static struct loop *loop;
static char trace[64];
static char name_a[] = "a";
static char name_b[] = "b";

static int setup(void **state)
{
    trace[0] = '\0';
    int result = loop_setup(state);
    loop = *state;
    return result;
}

static void note(char name)
{
    size_t len = strlen(trace);
    assert_true(len + 1 < sizeof trace);
    trace[len] = name;
    trace[len + 1] = '\0';
}

// Runs until no fiber is left.
static void stop_when_idle(struct loop_source *source, uint32_t events)
{
    (void)events;
    if (fiber_count(source->loop) == 0) {
        loop_stop(source->loop);
        return;
    }
    source->deadline_us = clock_monotonic_us() + 1000;
    loop_update(source);
}

static void run_fibers(void)
{
    struct loop_source watcher = {.fd = -1, .deadline_us = 0, .dispatch = stop_when_idle};
    assert_ok(loop_add(loop, &watcher));
    assert_true(run_for_ms(loop, HANG_MS));
    loop_remove(&watcher);
}

static int64_t in_us(int64_t us)
{
    return clock_monotonic_us() + us;
}

static void note_and_check_current(void *arg)
{
    assert_non_null(fiber_current());
    assert_ptr_equal(fiber_loop(), loop);
    note(*(const char *)arg);
}

static void fibers_begin_later_and_in_order(void **state)
{
    (void)state;
    assert_ok(fiber_start(loop, note_and_check_current, name_a));
    assert_ok(fiber_start(loop, note_and_check_current, name_b));
    assert_string_equal(trace, "");
    assert_int_equal(fiber_count(loop), 2);
    run_fibers();
    assert_string_equal(trace, "ab");
    assert_int_equal(fiber_count(loop), 0);
    assert_null(fiber_current());
}

static void note_twice(void *arg)
{
    note(*(const char *)arg);
    fiber_yield();
    note(*(const char *)arg);
}

static void yield_lets_the_others_run(void **state)
{
    (void)state;
    assert_ok(fiber_start(loop, note_twice, name_a));
    assert_ok(fiber_start(loop, note_twice, name_b));
    run_fibers();
    assert_string_equal(trace, "abab");
}

struct meeting {
    struct fiber_event event;
    int64_t deadline_us;
    struct status waited;
};

static void wait_for_meeting(void *arg)
{
    struct meeting *m = arg;
    note('w');
    m->waited = fiber_wait(&m->event, m->deadline_us);
    note('W');
}

static void signal_meeting(void *arg)
{
    struct meeting *m = arg;
    note('s');
    fiber_signal(&m->event);
    note('S');
}

static void signal_wakes_the_waiter_but_not_inside_the_call(void **state)
{
    (void)state;
    struct meeting m = {.deadline_us = in_us(10LL * CLOCK_SECOND)};
    assert_ok(fiber_start(loop, wait_for_meeting, &m));
    assert_ok(fiber_start(loop, signal_meeting, &m));
    run_fibers();
    assert_string_equal(trace, "wsSW");
    assert_ok(m.waited);
}

static void event_set_before_the_wait_returns_at_once(void **state)
{
    (void)state;
    struct meeting m = {.deadline_us = CLOCK_NEVER};
    fiber_signal(&m.event);
    assert_ok(fiber_start(loop, wait_for_meeting, &m));
    run_fibers();
    assert_string_equal(trace, "wW");
    assert_ok(m.waited);
}

static void wait_times_out_at_its_deadline(void **state)
{
    (void)state;
    struct meeting m = {.deadline_us = in_us(5000)};
    assert_ok(fiber_start(loop, wait_for_meeting, &m));
    run_fibers();
    assert_status(TIMEOUT, m.waited);
    assert_true(clock_monotonic_us() >= m.deadline_us);
    fiber_signal(&m.event); // too late, and nobody is there
    assert_string_equal(trace, "wW");
}

struct late_signal {
    struct loop_source timer;
    struct meeting *meeting;
};

static void signal_late(struct loop_source *timer, uint32_t events)
{
    (void)events;
    fiber_signal(&CONTAINER_OF(timer, struct late_signal, timer)->meeting->event);
}

static void add_late_signal(void *arg)
{
    struct late_signal *late = arg;
    assert_ok(loop_add(fiber_loop(), &late->timer));
}

static void event_set_between_deadline_and_waking_counts(void **state)
{
    (void)state;
    // Both deadlines are met in the same round, the waiter's first.
    struct meeting m = {.deadline_us = 1};
    struct late_signal late = {
        .timer = {.fd = -1, .deadline_us = 2, .dispatch = signal_late},
        .meeting = &m,
    };
    assert_ok(fiber_start(loop, wait_for_meeting, &m));
    assert_ok(fiber_start(loop, add_late_signal, &late));
    run_fibers();
    loop_remove(&late.timer);
    assert_ok(m.waited);
}

static void sleep_then_note(void *arg)
{
    const char *name = arg;
    fiber_sleep_until(in_us(name[0] == 'a' ? 9000 : 3000));
    note(name[0]);
}

static void sleepers_wake_in_order_of_deadline(void **state)
{
    (void)state;
    assert_ok(fiber_start(loop, sleep_then_note, name_a));
    assert_ok(fiber_start(loop, sleep_then_note, name_b));
    run_fibers();
    assert_string_equal(trace, "ba");
}

static void note_cleanup(const char *name)
{
    note(*name);
}

static void leave_early(void *arg)
{
    struct meeting *m = arg;
    const char name CLEANUP(note_cleanup) = 'c';
    assert_int_equal(name, 'c');
    if (!status_ok(fiber_wait(&m->event, m->deadline_us))) {
        return;
    }
    note('x');
}

static void cleanup_attributes_run_when_a_wait_fails(void **state)
{
    (void)state;
    struct meeting m = {.deadline_us = in_us(1000)};
    assert_ok(fiber_start(loop, leave_early, &m));
    run_fibers();
    assert_string_equal(trace, "c");
}

// ThreadSanitizer of gcc 12 knows 8,128 threads and fibers at most.
#if SANITIZER_THREAD
enum { MANY = 2000 };
#else
enum { MANY = 10000 };
#endif

struct crowd {
    struct fiber_event events[MANY];
    int arrived;
    int64_t sum;
};

static struct crowd crowd;

static void join_crowd(void *arg)
{
    struct fiber_event *event = arg;
    volatile int64_t mine = event - crowd.events; // must survive on this stack
    if (++crowd.arrived == MANY) {
        for (int i = 0; i < MANY; i++) {
            fiber_signal(&crowd.events[i]);
        }
    }
    status_ignore(fiber_wait(event, CLOCK_NEVER));
    crowd.sum += mine;
}

static void ten_thousand_fibers_live_at_once(void **state)
{
    (void)state;
    memset(&crowd, 0, sizeof crowd);
    for (int i = 0; i < MANY; i++) {
        assert_ok(fiber_start(loop, join_crowd, &crowd.events[i]));
    }
    assert_int_equal(fiber_count(loop), MANY);
    run_fibers();
    assert_int_equal(crowd.sum, (int64_t)MANY * (MANY - 1) / 2);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static void fibers_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    if (SANITIZER_THREAD) {
        skip();
    }
    for (int i = 0; i < LIMIT_FIBERS_PER_WORKER; i++) {
        assert_ok(fiber_start(loop, do_nothing, NULL));
    }
    assert_status(LIMIT, fiber_start(loop, do_nothing, NULL));
    run_fibers();
    assert_ok(fiber_start(loop, do_nothing, NULL));
    run_fibers();
}

static double divided;

static void divide(void *arg)
{
    const double *pair = arg;
    double quotient = pair[0] / pair[1];
    fiber_yield();
    divided += quotient * pair[1];
}

static void floating_point_values_survive_a_switch(void **state)
{
    (void)state;
    divided = 0;
    double one[] = {3.0, 7.0};
    double other[] = {5.0, 9.0};
    assert_ok(fiber_start(loop, divide, one));
    assert_ok(fiber_start(loop, divide, other));
    run_fibers();
    assert_true(divided > 7.999 && divided < 8.001);
}

#define FIBER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIBER_TEST(fibers_begin_later_and_in_order),
        FIBER_TEST(yield_lets_the_others_run),
        FIBER_TEST(signal_wakes_the_waiter_but_not_inside_the_call),
        FIBER_TEST(event_set_before_the_wait_returns_at_once),
        FIBER_TEST(wait_times_out_at_its_deadline),
        FIBER_TEST(event_set_between_deadline_and_waking_counts),
        FIBER_TEST(sleepers_wake_in_order_of_deadline),
        FIBER_TEST(cleanup_attributes_run_when_a_wait_fails),
        FIBER_TEST(ten_thousand_fibers_live_at_once),
        FIBER_TEST(fibers_beyond_the_limit_are_refused),
        FIBER_TEST(floating_point_values_survive_a_switch),
    };
    return RUN_TESTS(tests);
}
