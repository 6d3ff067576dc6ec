// SPDX-License-Identifier: ISC
#include "tests/unit/runtime/loop_fixture.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

static char trace[64]; // one letter per dispatch, in order; the nameless leave none

struct letter {
    struct loop_source source;
    char name;
    bool last;              // stops the loop
    struct letter *removes; // when dispatched
    int kicks_itself;       // so many times
    int64_t deadline_seen_us;
    uint32_t events_seen;
};

static void note(char name)
{
    size_t len = strlen(trace);
    if (name == '\0') {
        return;
    }
    assert_true(len + 1 < sizeof trace);
    trace[len] = name;
    trace[len + 1] = '\0';
}

static void dispatch_letter(struct loop_source *source, uint32_t events)
{
    struct letter *letter = CONTAINER_OF(source, struct letter, source);
    note(letter->name);
    letter->events_seen = events;
    letter->deadline_seen_us = source->deadline_us;
    if (letter->removes != NULL) {
        loop_remove(&letter->removes->source);
    }
    if (letter->kicks_itself > 0) {
        letter->kicks_itself--;
        loop_kick(source);
    }
    if (letter->last) {
        loop_stop(source->loop);
    }
}

static struct letter timer_letter(char name, int64_t in_us)
{
    return (struct letter){
        .name = name,
        .source = {.fd = -1,
                   .deadline_us = in_us == CLOCK_NEVER ? CLOCK_NEVER : clock_monotonic_us() + in_us,
                   .dispatch = dispatch_letter},
    };
}

// Readable from the start.
static struct letter ready_letter(char name)
{
    return (struct letter){
        .name = name,
        .source = {.fd = eventfd(1, EFD_CLOEXEC),
                   .events = EPOLLIN,
                   .deadline_us = CLOCK_NEVER,
                   .dispatch = dispatch_letter},
    };
}

static void timers_fire_in_order_of_deadline(void **state)
{
    struct loop *l = *state;
    struct letter c = timer_letter('c', 9000);
    struct letter a = timer_letter('a', 3000);
    struct letter b = timer_letter('b', 6000);
    c.last = true;
    assert_ok(loop_add(l, &c.source));
    assert_ok(loop_add(l, &a.source));
    assert_ok(loop_add(l, &b.source));
    assert_true(run_for_ms(l, HANG_MS));
    assert_string_equal(trace, "abc");
    loop_remove(&a.source);
    loop_remove(&b.source);
    loop_remove(&c.source);
}

static void timer_is_never_early_and_fires_once(void **state)
{
    struct loop *l = *state;
    struct letter a = timer_letter('a', 2500);
    int64_t deadline_us = a.source.deadline_us;
    a.last = true;
    assert_ok(loop_add(l, &a.source));
    assert_true(run_for_ms(l, HANG_MS));
    assert_true(loop_now_us(l) >= deadline_us);
    assert_int_equal(a.deadline_seen_us, CLOCK_NEVER);
    assert_int_equal(a.events_seen, 0);
    assert_false(run_for_ms(l, SOON_MS));
    assert_string_equal(trace, "a");
    loop_remove(&a.source);
}

static void moved_deadline_replaces_the_old_one(void **state)
{
    struct loop *l = *state;
    struct letter a = timer_letter('a', 1000);
    struct letter b = timer_letter('b', 5000);
    assert_ok(loop_add(l, &a.source));
    assert_ok(loop_add(l, &b.source));
    a.source.deadline_us += 9000;
    a.last = true;
    loop_update(&a.source);
    assert_true(run_for_ms(l, HANG_MS));
    assert_string_equal(trace, "ba");
    loop_remove(&a.source);
    loop_remove(&b.source);
}

static void readable_descriptor_is_dispatched_with_its_events(void **state)
{
    struct loop *l = *state;
    struct letter a = ready_letter('a');
    a.last = true;
    assert_ok(loop_add(l, &a.source));
    assert_true(run_for_ms(l, HANG_MS));
    assert_int_equal(a.events_seen, EPOLLIN);
    loop_remove(&a.source);
    close(a.source.fd);
}

static void source_removed_while_its_event_is_pending_is_not_dispatched(void **state)
{
    struct loop *l = *state;
    struct letter a = ready_letter('a');
    struct letter b = ready_letter('b');
    // Whichever comes first removes the other; both are ready in the same wait.
    a.removes = &b;
    b.removes = &a;
    a.last = b.last = true;
    assert_ok(loop_add(l, &a.source));
    assert_ok(loop_add(l, &b.source));
    assert_true(run_for_ms(l, HANG_MS));
    assert_int_equal(strlen(trace), 1);
    loop_remove(&a.source);
    loop_remove(&b.source);
    close(a.source.fd);
    close(b.source.fd);
}

static void source_removed_while_kicked_or_due_is_not_dispatched(void **state)
{
    struct loop *l = *state;
    struct letter a = timer_letter('a', CLOCK_NEVER);
    struct letter b = timer_letter('b', CLOCK_NEVER);
    struct letter c = timer_letter('c', -1000);
    struct letter d = timer_letter('d', 0);
    a.removes = &b;
    c.removes = &d;
    struct letter *all[] = {&a, &b, &c, &d};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_ok(loop_add(l, &all[i]->source));
    }
    loop_kick(&a.source);
    loop_kick(&b.source);
    assert_false(run_for_ms(l, SOON_MS));
    assert_string_equal(trace, "ca");
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        loop_remove(&all[i]->source);
    }
}

static void source_without_interest_any_more_is_not_dispatched(void **state)
{
    struct loop *l = *state;
    struct letter a = ready_letter('a');
    assert_ok(loop_add(l, &a.source));
    a.source.events = 0;
    loop_update(&a.source);
    assert_false(run_for_ms(l, SOON_MS));
    assert_string_equal(trace, "");
    loop_remove(&a.source);
    close(a.source.fd);
}

static void many_kicks_are_one_dispatch_in_order(void **state)
{
    struct loop *l = *state;
    struct letter a = timer_letter('a', CLOCK_NEVER);
    struct letter b = timer_letter('b', CLOCK_NEVER);
    assert_ok(loop_add(l, &a.source));
    assert_ok(loop_add(l, &b.source));
    loop_kick(&b.source);
    loop_kick(&a.source);
    loop_kick(&b.source);
    assert_false(run_for_ms(l, SOON_MS));
    assert_string_equal(trace, "ba");
    loop_remove(&a.source);
    loop_remove(&b.source);
}

static void endless_kicks_do_not_hold_up_timers(void **state)
{
    struct loop *l = *state;
    struct letter a = timer_letter('\0', CLOCK_NEVER);
    a.kicks_itself = INT_MAX;
    struct letter b = timer_letter('b', 5000);
    b.last = true;
    assert_ok(loop_add(l, &a.source));
    assert_ok(loop_add(l, &b.source));
    loop_kick(&a.source);
    assert_true(run_for_ms(l, HANG_MS));
    assert_string_equal(trace, "b");
    assert_true(a.kicks_itself > 0);
    loop_remove(&a.source);
    loop_remove(&b.source);
}

static void removing_what_was_never_added_is_harmless(void **state)
{
    (void)state;
    struct loop_source never = {.fd = -1, .deadline_us = CLOCK_NEVER};
    loop_remove(&never);
}

static void descriptor_that_cannot_be_watched_is_refused(void **state)
{
    struct loop *l = *state;
    struct letter file = ready_letter('f');
    close(file.source.fd);
    assert_status(UNAVAILABLE, loop_add(l, &file.source));
    loop_remove(&file.source);
}

enum { POSTERS = 4, POSTS = 2000 };

struct poster {
    struct loop *loop;
    pthread_t thread;
    int next_expected;
    bool in_order;
    int *left; // of all
    struct post {
        struct loop_task task;
        struct poster *poster;
        int number;
    } posts[POSTS];
};

static void receive_post(struct loop_task *task)
{
    struct post *post = CONTAINER_OF(task, struct post, task);
    struct poster *poster = post->poster;
    poster->in_order &= post->number == poster->next_expected++;
    if (--*poster->left == 0) {
        loop_stop(poster->loop);
    }
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;
    for (int i = 0; i < POSTS; i++) {
        poster->posts[i] = (struct post){{.run = receive_post}, poster, i};
        loop_post(poster->loop, &poster->posts[i].task);
    }
    return NULL;
}

static void posts_of_four_threads_all_run_once_in_the_order_of_each(void **state)
{
    struct loop *l = *state;
    static struct poster posters[POSTERS];
    int left = POSTERS * POSTS;
    for (int i = 0; i < POSTERS; i++) {
        posters[i].loop = l;
        posters[i].in_order = true;
        posters[i].left = &left;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    assert_true(run_for_ms(l, HANG_MS));
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_true(posters[i].in_order);
    }
    assert_int_equal(left, 0);
}

static struct loop *stopped_by_signal;

static void stop_on_signal(int number)
{
    (void)number;
    loop_stop(stopped_by_signal);
}

static void signal_handler_stops_a_waiting_loop(void **state)
{
    stopped_by_signal = *state;
    signal(SIGALRM, stop_on_signal);
    struct itimerval soon = {.it_value.tv_usec = 5000};
    setitimer(ITIMER_REAL, &soon, NULL);
    assert_true(run_for_ms(stopped_by_signal, HANG_MS));
    signal(SIGALRM, SIG_DFL);
}

static void stop_before_the_run_is_not_lost(void **state)
{
    loop_stop(*state);
    assert_true(run_for_ms(*state, HANG_MS));
}

static int setup(void **state)
{
    trace[0] = '\0';
    return loop_setup(state);
}

#define TRACED(name) cmocka_unit_test_setup_teardown(name, setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRACED(timers_fire_in_order_of_deadline),
        TRACED(timer_is_never_early_and_fires_once),
        TRACED(moved_deadline_replaces_the_old_one),
        TRACED(readable_descriptor_is_dispatched_with_its_events),
        TRACED(source_removed_while_its_event_is_pending_is_not_dispatched),
        TRACED(source_removed_while_kicked_or_due_is_not_dispatched),
        TRACED(source_without_interest_any_more_is_not_dispatched),
        TRACED(many_kicks_are_one_dispatch_in_order),
        TRACED(endless_kicks_do_not_hold_up_timers),
        TRACED(removing_what_was_never_added_is_harmless),
        TRACED(descriptor_that_cannot_be_watched_is_refused),
        TRACED(posts_of_four_threads_all_run_once_in_the_order_of_each),
        TRACED(signal_handler_stops_a_waiting_loop),
        TRACED(stop_before_the_run_is_not_lost),
    };
    return RUN_TESTS(tests);
}
