// SPDX-License-Identifier: ISC
// The whole way: launcher, walls, host, protocol, TLS, server.
#include <stdio.h>
#include <stdlib.h>

#include "rotators/builtin.h"
#include "tests/unit/rotators/postgresql_fixture.h"
#include "vault/host/host.h"
#include "vault/host/rotator_process.h"
#include "vault/runtime/fiber.h"

struct attempt {
    struct server *server;
    struct launcher *launcher;
    struct status status; // the first that failed
    enum protocol_result applied;
    enum protocol_result probed;
    int isolation;
};

static struct status rotate(struct attempt *a)
{
    CLEANUP(rotator_process_cleanup) struct rotator_process *p = NULL;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct sandbox_path ca = {.writable = false};
    struct rotunda_call call = server_call(a->server, "app", NEW_PASSWORD);
    struct protocol_reply reply;
    snprintf(ca.path, sizeof ca.path, "%s", getenv("ROTUNDA_TEST_PG_CA"));
    struct rotator_process_options options = {
        .name = STR("postgresql"),
        .deadline_us = clock_monotonic_us() + 30 * CLOCK_SECOND,
        .paths = &ca,
        .path_count = 1,
    };
    TRY(rotator_process_start(a->launcher, &options, &p));
    a->isolation = rotator_process_isolation(p);
    TRY(rotator_process_call(p, PROTOCOL_APPLY, &call, arena, &reply));
    a->applied = reply.result;
    TRY(rotator_process_call(p, PROTOCOL_PROBE, &call, arena, &reply));
    a->probed = reply.result;
    return OK_STATUS;
}

static void run(void *arg)
{
    struct attempt *a = arg;
    a->status = rotate(a);
    loop_stop(fiber_loop());
}

static void a_password_is_rotated_from_behind_the_walls(void **state)
{
    struct attempt a = {.server = *state};
    struct launcher_options options = {.allow_unlocked = true};
    struct loop *l = NULL;
    assert_ok(launcher_start(&options, &a.launcher));
    assert_ok(loop_new(&l));
    assert_ok(fiber_start(l, run, &a));
    loop_run(l);
    while (fiber_count(l) > 0) {
        loop_stop(l);
        loop_run(l);
    }
    loop_free(l);
    launcher_free(a.launcher);
    assert_ok(a.status);
    assert_int_equal(PROTOCOL_APPLIED, a.applied);
    assert_int_equal(PROTOCOL_WORKS, a.probed);
    enum rotunda_error error;
    assert_int_equal(ROTUNDA_PROBE_REJECTED, do_probe(*state, "app", OLD_PASSWORD, &error));
}

static int serve_linked(const char *name, bool allow_unlocked)
{
    return rotator_host_serve(name, allow_unlocked, rotators_builtin());
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_password_is_rotated_from_behind_the_walls, server_setup,
                                        server_teardown),
    };
    if (argc > 1 && strcmp(argv[1], "rotator-launcher") == 0) {
        return rotator_launcher_main(argc - 1, argv + 1, serve_linked);
    }
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
