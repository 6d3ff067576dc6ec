// SPDX-License-Identifier: ISC
// What becomes of the memory that fibers ran on.
#include "tests/unit/runtime/loop_fixture.h"
#include "tests/unit/runtime/stack_marker.h"

#include "vault/base/limits.h"
#include "vault/runtime/fiber.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop_after(void *arg)
{
    (void)arg;
    loop_stop(fiber_loop());
}

static void run_then_stop(struct loop *l)
{
    assert_ok(fiber_start(l, stop_after, NULL));
    assert_true(run_for_ms(l, HANG_MS));
}

static int copies_made;
static int copies_found;

static void leave_secrets(void *arg)
{
    (void)arg;
    copies_made = stack_marker_spread(STACK_MARKER_DEPTH_BYTES);
}

static void look_for_secrets(void *arg)
{
    (void)arg;
    copies_found += stack_marker_count();
}

static void no_secret_is_left_on_a_reused_stack(void **state)
{
    copies_made = copies_found = 0;
    assert_ok(fiber_start(*state, leave_secrets, NULL));
    run_then_stop(*state);
    assert_true(copies_made > 50);
    // As many as have ended, so that one of them gets the stack of the first.
    assert_ok(fiber_start(*state, look_for_secrets, NULL));
    assert_ok(fiber_start(*state, look_for_secrets, NULL));
    run_then_stop(*state);
    assert_int_equal(copies_found, 0);
}

static void look_at_dirty_stack(void *arg)
{
    leave_secrets(arg);
    look_for_secrets(arg);
}

// Guards the test above: within one fiber the search does find what was left.
static void search_finds_secrets_before_the_fiber_ends(void **state)
{
    if (SANITIZED) {
        skip(); // their frames may lie elsewhere
    }
    copies_made = copies_found = 0;
    assert_ok(fiber_start(*state, look_at_dirty_stack, NULL));
    run_then_stop(*state);
    assert_true(copies_found > 50);
}

static void overflow(void *arg)
{
    (void)arg;
    copies_made = stack_marker_spread(2 * (size_t)LIMIT_FIBER_STACK_BYTES);
}

static int wait_for_child(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void overflow_hits_the_guard(void **state)
{
    struct loop *l = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        signal(SIGSEGV, SIG_DFL); // not the sanitizer's handler
        status_ignore(fiber_start(l, overflow, NULL));
        status_ignore(fiber_start(l, stop_after, NULL));
        loop_run(l);
        _exit(0);
    }
    int status = wait_for_child(child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static size_t resident_bytes(void)
{
    unsigned long total = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    // lint: allow(banned) the kernel wrote it: two numbers
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void go_deep_then_yield(void *arg)
{
    (void)arg;
    copies_made += stack_marker_spread(STACK_MARKER_DEPTH_BYTES);
    fiber_yield();
}

static void deep_stacks_give_their_memory_back(void **state)
{
    if (SANITIZED) {
        skip(); // shadow memory counts as resident
    }
    enum { FIBERS = 500, MIB = 1024 * 1024 };
    size_t before = resident_bytes();
    for (int i = 0; i < FIBERS; i++) {
        assert_ok(fiber_start(*state, go_deep_then_yield, NULL));
    }
    run_then_stop(*state);
    run_then_stop(*state);
    assert_int_equal(fiber_count(*state), 0);
    // They used 64 MiB together; 16 MiB of pooled stacks may stay.
    assert_true(resident_bytes() < before + (size_t)24 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(no_secret_is_left_on_a_reused_stack),
        LOOP_TEST(search_finds_secrets_before_the_fiber_ends),
        LOOP_TEST(overflow_hits_the_guard),
        LOOP_TEST(deep_stacks_give_their_memory_back),
    };
    return RUN_TESTS(tests);
}
