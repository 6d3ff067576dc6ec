// SPDX-License-Identifier: ISC
#include "vault/store/batch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "vault/base/limits.h"
#include "vault/store/migrate.h"

// A loop with one batch whose barrier has nothing to say unless told; each test is a fiber on it.
struct fixture {
    struct loop *loop;
    struct offload *offload;
    struct store_config config;
    struct batch *batch;
    void (*body)(struct fixture *f);
    size_t barrier_pending;
    size_t barriers_wanted; // each as full as can be
    size_t barriers_built;
    size_t barriers_done;
    atomic_bool hold_connecting; // new connections aren't ready as long as this is set
    atomic_bool connecting;
};

static const struct store_statement durable = {"test.durable", "SELECT 1"};
static const struct store_statement *const barrier_statements[] = {&durable, NULL};

static struct status barrier_connected(void *ctx, struct session *session)
{
    struct fixture *f = ctx;
    (void)session;
    atomic_store(&f->connecting, true);
    while (atomic_load(&f->hold_connecting)) {
        usleep(1000);
    }
    return OK_STATUS;
}

static size_t barrier_pending(void *ctx)
{
    struct fixture *f = ctx;
    return f->barrier_pending;
}

static struct status barrier_build(void *ctx, struct batch_segment *segment, void **group)
{
    struct fixture *f = ctx;
    // The next one would go on from this one, which may still fail.
    assert_int_equal(f->barriers_built, f->barriers_done);
    f->barriers_built++;
    f->barrier_pending = f->barriers_built < f->barriers_wanted ? 1000 : 0;
    *group = f;
    return batch_segment_add(segment, &durable, NULL, 0);
}

static void barrier_done(void *ctx, void *group, struct status outcome)
{
    struct fixture *f = ctx;
    assert_ptr_equal(f, group);
    assert_ok(outcome);
    f->barriers_done++;
}

static const struct batch_barrier quiet_barrier = {.connected = barrier_connected,
                                                   .pending = barrier_pending,
                                                   .build = barrier_build,
                                                   .done = barrier_done,
                                                   .statements = barrier_statements};

static const struct batch_load load_double = {
    .statement = {"test.double", "SELECT q.n, q.v * 2 FROM unnest($1) WITH ORDINALITY AS q(v, n) "
                                 "WHERE q.v > 0 ORDER BY q.n"},
    .key_count = 1,
    .key_types = {STORE_INT8},
};
// Fails for 0: one bad member of a batch.
static const struct batch_load load_inverse = {
    .statement = {"test.inverse", "SELECT q.n, 100 / q.v FROM unnest($1) WITH ORDINALITY "
                                  "AS q(v, n) ORDER BY q.n"},
    .key_count = 1,
    .key_types = {STORE_INT8},
};
static const struct store_statement select_int = {"test.int", "SELECT $1::int8 + 1"};
static const struct store_statement terminate_self = {
    "test.terminate", "SELECT pg_terminate_backend(pg_backend_pid())"};

static void wait_connected(struct fixture *f)
{
    int64_t give_up_us = clock_monotonic_us() + 10 * CLOCK_SECOND;
    while (!batch_connected(f->batch)) {
        assert_true(clock_monotonic_us() < give_up_us);
        fiber_sleep_until(clock_monotonic_us() + 1000);
    }
}

static void run_fiber(void *arg)
{
    struct fixture *f = arg;
    wait_connected(f);
    f->body(f);
    batch_close(f->batch);
    batch_free(f->batch);
    loop_stop(f->loop);
}

static void run(void (*body)(struct fixture *f))
{
    struct fixture f = {.config = {.conninfo = getenv("ROTUNDA_TEST_DATABASE")}, .body = body};
    assert_ok(loop_new(&f.loop));
    assert_ok(offload_new(2, 16, &f.offload));
    const struct batch_options options = {.loop = f.loop,
                                          .offload = f.offload,
                                          .config = &f.config,
                                          .barrier = &quiet_barrier,
                                          .barrier_ctx = &f};
    assert_ok(batch_new(&options, &f.batch));
    assert_ok(fiber_start(f.loop, run_fiber, &f));
    loop_run(f.loop);
    offload_free(f.offload);
    loop_free(f.loop);
}

static void body_coalesces(struct fixture *f)
{
    struct batch_op ops[3];
    const struct store_value keys[3] = {store_int(1), store_int(-1), store_int(3)};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        batch_load(f->batch, &load_double, &keys[i], &ops[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        assert_ok(batch_wait(&ops[i]));
        assert_int_equal(ops[0].snapshot.flight, ops[i].snapshot.flight);
    }
    assert_int_equal(1, ops[0].rows.count);
    assert_int_equal(2, store_get_int(&ops[0].rows, 0, 1));
    assert_int_equal(0, ops[1].rows.count);
    assert_int_equal(6, store_get_int(&ops[2].rows, 0, 1));
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        batch_op_done(&ops[i]);
    }
}

static void loads_of_one_moment_share_a_statement_and_a_snapshot(void **state)
{
    (void)state;
    run(body_coalesces);
}

// One load of one fiber.
struct asker {
    struct fixture *f;
    int64_t key;
    struct status status;
    int64_t answer;
    struct fiber_event done;
};

static void ask_inverse(void *arg)
{
    struct asker *a = arg;
    struct batch_op op;
    const struct store_value key = store_int(a->key);
    batch_load(a->f->batch, &load_inverse, &key, &op);
    a->status = batch_wait(&op);
    if (status_ok(a->status)) {
        a->answer = store_get_int(&op.rows, 0, 1);
    }
    batch_op_done(&op);
    fiber_signal(&a->done);
}

static void body_bad_member(struct fixture *f)
{
    struct asker askers[3] = {{.f = f, .key = 10}, {.f = f, .key = 0}, {.f = f, .key = 20}};
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        assert_ok(fiber_start(f->loop, ask_inverse, &askers[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
        assert_ok(fiber_wait(&askers[i].done, CLOCK_NEVER));
    }
    assert_ok(askers[0].status);
    assert_int_equal(10, askers[0].answer);
    assert_status(INVALID, askers[1].status);
    assert_ok(askers[2].status);
    assert_int_equal(5, askers[2].answer);
}

static void one_failing_member_does_not_fail_the_others(void **state)
{
    (void)state;
    run(body_bad_member);
}

static void body_full_segment(struct fixture *f)
{
    enum { COUNT = LIMIT_BATCH_MEMBERS * 2 + 3 };
    static struct batch_op ops[COUNT];
    static struct store_value keys[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        keys[i] = store_int((int64_t)i + 1);
        batch_load(f->batch, &load_double, &keys[i], &ops[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_ok(batch_wait(&ops[i]));
        assert_int_equal(ops[0].snapshot.flight, ops[i].snapshot.flight);
        batch_op_done(&ops[i]);
    }
}

static void what_one_fiber_asks_at_once_shares_a_snapshot_even_in_a_full_segment(void **state)
{
    (void)state;
    run(body_full_segment);
}

static bool answers(struct batch_op *op, struct str expected)
{
    assert_ok(batch_wait(op));
    bool same = str_equal(expected, store_get_text(&op->rows, 0, 0));
    batch_op_done(op);
    return same;
}

static void body_isolation(struct fixture *f)
{
    static const struct store_statement isolation = {
        "test.isolation", "SELECT current_setting('transaction_isolation')"};
    struct batch_op read;
    struct batch_op write;
    for (int round = 0; round < 2; round++) {
        batch_query(f->batch, &isolation, NULL, 0, &read);
        batch_write(f->batch, &isolation, NULL, 0, &write);
        assert_true(answers(&read, STR("repeatable read")));
        assert_true(answers(&write, STR("read committed")));
    }
}

static void reads_are_one_snapshot_and_writes_see_what_others_committed(void **state)
{
    (void)state;
    run(body_isolation);
}

static void read_once(struct fixture *f)
{
    const struct store_value key = store_int(1);
    struct batch_op op CLEANUP(batch_op_done) = {0};
    batch_load(f->batch, &load_double, &key, &op);
    assert_ok(batch_wait(&op));
}

// After a barrier the batch waits for the reader to come back; the writer must not wait with it.
static void body_write_after_barrier(struct fixture *f)
{
    read_once(f);
    f->barrier_pending = 1;
    batch_kick(f->batch);
    while (f->barriers_done == 0) {
        fiber_sleep_until(clock_monotonic_us() + 1000);
    }
    const struct store_value value = store_int(1);
    struct batch_op op CLEANUP(batch_op_done) = {0};
    batch_write(f->batch, &select_int, &value, 1, &op);
    assert_ok(batch_wait(&op));
}

static void a_write_is_not_kept_for_readers_who_may_come_back(void **state)
{
    (void)state;
    run(body_write_after_barrier);
}

static void body_many_barriers(struct fixture *f)
{
    f->barriers_wanted = 5;
    f->barrier_pending = 1000;
    batch_kick(f->batch);
    while (f->barriers_done < f->barriers_wanted) {
        read_once(f);
    }
}

static void barriers_go_one_after_the_other(void **state)
{
    (void)state;
    run(body_many_barriers);
}

// Asks once a second while the server doesn't answer.
static void body_silent_server(struct fixture *f)
{
    static const struct store_statement hang = {"test.hang", "SELECT pg_sleep(60)"};
    static const struct store_statement unlimited = {"test.unlimited", "SET statement_timeout = 0"};
    struct batch_op op;
    batch_write(f->batch, &unlimited, NULL, 0, &op);
    assert_ok(batch_wait(&op));
    batch_op_done(&op);
    batch_write(f->batch, &hang, NULL, 0, &op);
    int64_t began_us = clock_monotonic_us();
    while (!op.done.set) {
        assert_true(clock_monotonic_us() - began_us < 15 * CLOCK_SECOND);
        batch_kick(f->batch);
        fiber_sleep_until(clock_monotonic_us() + CLOCK_SECOND);
    }
    assert_status(UNAVAILABLE, batch_wait(&op));
}

static void a_silent_server_is_given_up_however_many_ask(void **state)
{
    (void)state;
    run(body_silent_server);
}

// Likewise a reader who is not one of those.
static void body_fewer_come_back(struct fixture *f)
{
    const struct store_value key = store_int(1);
    struct batch_op ops[2];
    batch_load(f->batch, &load_double, &key, &ops[0]);
    batch_load(f->batch, &load_double, &key, &ops[1]);
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        assert_ok(batch_wait(&ops[i]));
        batch_op_done(&ops[i]);
    }
    f->barrier_pending = 1;
    batch_kick(f->batch);
    while (f->barriers_done == 0) {
        fiber_sleep_until(clock_monotonic_us() + 1000);
    }
    read_once(f);
}

static void readers_wait_only_a_moment_for_others(void **state)
{
    (void)state;
    run(body_fewer_come_back);
}

static void body_bad_text(struct fixture *f)
{
    static const struct store_statement echo = {"test.echo", "SELECT $1::text"};
    struct batch_op bad;
    struct batch_op good;
    const struct store_value bad_text = store_text(STR("a\0b"));
    const struct store_value number = store_int(41);
    batch_query(f->batch, &echo, &bad_text, 1, &bad);
    batch_query(f->batch, &select_int, &number, 1, &good);
    assert_status(INVALID, batch_wait(&bad));
    assert_ok(batch_wait(&good));
    assert_int_equal(42, store_get_int(&good.rows, 0, 0));
    batch_op_done(&good);
}

static void text_with_nul_ends_only_its_own_operation(void **state)
{
    (void)state;
    run(body_bad_text);
}

static void body_lost_connection(struct fixture *f)
{
    struct batch_op op;
    batch_write(f->batch, &terminate_self, NULL, 0, &op);
    assert_status(UNAVAILABLE, batch_wait(&op));
    assert_true(op.outcome_unknown);
    wait_connected(f);
    const struct store_value number = store_int(1);
    batch_query(f->batch, &select_int, &number, 1, &op);
    assert_ok(batch_wait(&op));
    batch_op_done(&op);
}

static void lost_connection_fails_what_was_sent_and_comes_back(void **state)
{
    (void)state;
    run(body_lost_connection);
}

static void release_fiber(void *arg)
{
    struct fixture *f = arg;
    atomic_store(&f->hold_connecting, false);
}

static void body_close_while_connecting(struct fixture *f)
{
    struct batch_op op;
    atomic_store(&f->hold_connecting, true);
    atomic_store(&f->connecting, false);
    batch_write(f->batch, &terminate_self, NULL, 0, &op);
    assert_status(UNAVAILABLE, batch_wait(&op));
    while (!atomic_load(&f->connecting)) {
        fiber_sleep_until(clock_monotonic_us() + 1000);
    }
    // Begins when this fiber waits next: in batch_close().
    assert_ok(fiber_start(f->loop, release_fiber, f));
}

static void closing_ends_although_a_connection_is_being_made(void **state)
{
    (void)state;
    run(body_close_while_connecting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_of_one_moment_share_a_statement_and_a_snapshot),
        cmocka_unit_test(one_failing_member_does_not_fail_the_others),
        cmocka_unit_test(what_one_fiber_asks_at_once_shares_a_snapshot_even_in_a_full_segment),
        cmocka_unit_test(reads_are_one_snapshot_and_writes_see_what_others_committed),
        cmocka_unit_test(a_write_is_not_kept_for_readers_who_may_come_back),
        cmocka_unit_test(barriers_go_one_after_the_other),
        cmocka_unit_test(a_silent_server_is_given_up_however_many_ask),
        cmocka_unit_test(readers_wait_only_a_moment_for_others),
        cmocka_unit_test(text_with_nul_ends_only_its_own_operation),
        cmocka_unit_test(lost_connection_fails_what_was_sent_and_comes_back),
        cmocka_unit_test(closing_ends_although_a_connection_is_being_made),
    };
    const struct store_config config = {.conninfo = getenv("ROTUNDA_TEST_DATABASE")};
    struct session *s = NULL;
    if (!status_ok(secret_system_init(true)) || !status_ok(session_open(&config, &s)) ||
        !status_ok(migrate_run(s))) {
        return 1;
    }
    session_close(s);
    return RUN_TESTS(tests);
}
