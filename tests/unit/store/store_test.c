// SPDX-License-Identifier: ISC
#include "vault/store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "vault/base/clock.h"

enum { HELD_US = CLOCK_SECOND / 5, SESSION_WAIT_US = 5 * CLOCK_SECOND };

// A pool of one session, which a thread may hold.
struct fixture {
    struct store *store;
    pthread_t holder;
    atomic_bool held;
    atomic_bool ending;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct store_config config = {.conninfo = getenv("ROTUNDA_TEST_DATABASE")};
    assert_non_null(f);
    assert_ok(store_new(&config, NULL, 1, &f->store));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_free(f->store);
    free(f);
    return unsetenv("ROTUNDA_TEST_CLOCK_SHIFT_S");
}

static struct status hold(struct session *s, void *arg)
{
    struct fixture *f = arg;
    (void)s;
    atomic_store(&f->held, true);
    while (!atomic_load(&f->ending)) {
        usleep(1000);
    }
    return OK_STATUS;
}

static void *run_holder(void *arg)
{
    struct fixture *f = arg;
    status_ignore(store_transact_blocking(f->store, hold, f));
    return NULL;
}

static void hold_the_session(struct fixture *f)
{
    assert_int_equal(0, pthread_create(&f->holder, NULL, run_holder, f));
    while (!atomic_load(&f->held)) {
        usleep(1000);
    }
}

static void *end_soon(void *arg)
{
    struct fixture *f = arg;
    usleep(HELD_US);
    atomic_store(&f->ending, true);
    return NULL;
}

static struct status nothing(struct session *s, void *arg)
{
    (void)arg;
    return session_script(s, "");
}

static void assert_waits_in_vain(struct fixture *f, const char *shift_s)
{
    hold_the_session(f);
    setenv("ROTUNDA_TEST_CLOCK_SHIFT_S", shift_s, 1);
    int64_t begun_us = clock_monotonic_us();
    assert_status(UNAVAILABLE, store_transact_blocking(f->store, nothing, NULL));
    int64_t waited_us = clock_monotonic_us() - begun_us;
    assert_true(waited_us >= SESSION_WAIT_US && waited_us < 2 * SESSION_WAIT_US);
    atomic_store(&f->ending, true);
    pthread_join(f->holder, NULL);
}

static void assert_waits_for_the_session(struct fixture *f, const char *shift_s)
{
    pthread_t ender;
    hold_the_session(f);
    setenv("ROTUNDA_TEST_CLOCK_SHIFT_S", shift_s, 1);
    assert_int_equal(0, pthread_create(&ender, NULL, end_soon, f));
    assert_ok(store_transact_blocking(f->store, nothing, NULL));
    assert_int_equal(1, store_stats(f->store).waits);
    pthread_join(ender, NULL);
    pthread_join(f->holder, NULL);
}

static void a_busy_pool_is_waited_for_five_seconds(void **state)
{
    assert_waits_in_vain(*state, "0");
}

static void a_wall_clock_set_back_makes_nobody_wait_longer(void **state)
{
    assert_waits_in_vain(*state, "3600");
}

static void a_wall_clock_set_forward_ends_no_wait(void **state)
{
    assert_waits_for_the_session(*state, "-3600");
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_busy_pool_is_waited_for_five_seconds),
        STORE_TEST(a_wall_clock_set_back_makes_nobody_wait_longer),
        STORE_TEST(a_wall_clock_set_forward_ends_no_wait),
    };
    return RUN_TESTS(tests);
}
