// SPDX-License-Identifier: ISC
// Rotators that work and rotators that don't, each in a process of its own.
#include "tests/unit/host/process_fixture.h"

#include <signal.h>

static enum protocol_result ask(struct world *w, enum protocol_op op, const char *value)
{
    struct script s = script_mock(w, op, value, "");
    script_run(&s);
    assert_ok(s.started);
    assert_ok(s.answered);
    enum protocol_result result = s.reply.result;
    script_done(&s);
    return result;
}

// Applies with a fault that must look like `code` to the vault, and leaves no process behind.
// Yields the signal that ended the host.
static int expect_broken(struct world *w, const char *fault, enum status_code code)
{
    struct script s = script_mock(w, PROTOCOL_APPLY, "pending", fault);
    s.options.deadline_us = clock_monotonic_us() + 2 * CLOCK_SECOND;
    script_run(&s);
    assert_ok(s.started);
    assert_int_equal(code, s.answered.code);
    assert_ok(s.ended);
    assert_true(no_hosts_left());
    return s.report.signal;
}

static void an_applied_value_works_for_the_next_process(void **state)
{
    assert_int_equal(PROTOCOL_APPLIED, ask(*state, PROTOCOL_APPLY, "first"));
    assert_int_equal(PROTOCOL_WORKS, ask(*state, PROTOCOL_PROBE, "first"));
    assert_int_equal(PROTOCOL_REJECTED, ask(*state, PROTOCOL_PROBE, "other"));
    assert_int_equal(PROTOCOL_APPLIED, ask(*state, PROTOCOL_REVOKE, "first"));
    assert_int_equal(PROTOCOL_REJECTED, ask(*state, PROTOCOL_PROBE, "first"));
}

static void a_host_ends_by_itself_when_it_is_let_go(void **state)
{
    struct script s = script_mock(*state, PROTOCOL_PLAN, "x", "");
    script_run(&s);
    assert_ok(s.answered);
    assert_int_equal(2, s.reply.step_count);
    assert_ok(s.ended);
    assert_int_equal(LAUNCHER_EXITED, s.report.event);
    assert_int_equal(0, s.report.exit_code);
    script_done(&s);
}

static void a_late_attempt_is_fenced_off(void **state)
{
    ask(*state, PROTOCOL_APPLY, "newer");
    struct script late = script_mock(*state, PROTOCOL_APPLY, "older", "");
    late.fence = 16;
    script_run(&late);
    assert_ok(late.answered);
    assert_int_equal(PROTOCOL_NOT_APPLIED, late.reply.result);
    assert_int_equal(ROTUNDA_ERROR_FENCED, late.reply.error);
    script_done(&late);
    assert_int_equal(PROTOCOL_WORKS, ask(*state, PROTOCOL_PROBE, "newer"));
}

static void a_policy_refusal_says_so(void **state)
{
    struct script s = script_mock(*state, PROTOCOL_APPLY, "weak", "policy_reject");
    script_run(&s);
    assert_ok(s.answered);
    assert_int_equal(PROTOCOL_NOT_APPLIED, s.reply.result);
    assert_int_equal(ROTUNDA_ERROR_POLICY_REJECTED, s.reply.error);
    script_done(&s);
}

static void dying_before_the_commit_changes_nothing(void **state)
{
    ask(*state, PROTOCOL_APPLY, "current");
    expect_broken(*state, "die_before_commit", STATUS_UPSTREAM);
    assert_int_equal(PROTOCOL_WORKS, ask(*state, PROTOCOL_PROBE, "current"));
    assert_int_equal(PROTOCOL_REJECTED, ask(*state, PROTOCOL_PROBE, "pending"));
}

static void dying_after_the_commit_is_found_by_a_probe(void **state)
{
    ask(*state, PROTOCOL_APPLY, "current");
    expect_broken(*state, "die_after_commit", STATUS_UPSTREAM);
    assert_int_equal(PROTOCOL_WORKS, ask(*state, PROTOCOL_PROBE, "pending"));
    assert_int_equal(PROTOCOL_REJECTED, ask(*state, PROTOCOL_PROBE, "current"));
}

static void a_lost_reply_is_found_by_a_probe(void **state)
{
    expect_broken(*state, "lose_reply", STATUS_UPSTREAM);
    assert_int_equal(PROTOCOL_WORKS, ask(*state, PROTOCOL_PROBE, "pending"));
}

static void a_hanging_rotator_is_killed_at_its_deadline(void **state)
{
    int64_t before = clock_monotonic_us();
    assert_int_equal(SIGKILL, expect_broken(*state, "hang", STATUS_TIMEOUT));
    assert_true(clock_monotonic_us() - before < 10 * CLOCK_SECOND);
}

static void a_crash_harms_only_its_own_attempt(void **state)
{
    assert_int_equal(SIGABRT, expect_broken(*state, "crash", STATUS_UPSTREAM));
    assert_int_equal(PROTOCOL_APPLIED, ask(*state, PROTOCOL_APPLY, "next"));
}

static void whoever_breaks_the_protocol_is_killed(void **state)
{
    expect_broken(*state, "garbage", STATUS_UPSTREAM);
    expect_broken(*state, "other_attempt", STATUS_UPSTREAM);
    expect_broken(*state, "flood", STATUS_UPSTREAM);
}

static void an_operation_that_a_rotator_lacks_is_not_sent(void **state)
{
    struct script s = script_mock(*state, PROTOCOL_LIST_EXTERNAL, "x", "");
    script_run(&s);
    assert_status(UNSUPPORTED, s.answered);
}

static void an_issuer_shows_its_key_once_and_lists_it(void **state)
{
    struct script s = script_mock(*state, PROTOCOL_APPLY, "", "");
    s.options.name = STR("mock-issuer");
    script_run(&s);
    assert_ok(s.answered);
    assert_int_equal(48, secret_len(s.reply.issued));
    struct script list = script_mock(*state, PROTOCOL_LIST_EXTERNAL, "", "");
    list.options.name = STR("mock-issuer");
    script_run(&list);
    assert_ok(list.answered);
    assert_int_equal(1, list.reply.external_count);
    assert_true(str_equal(s.reply.issued_id, list.reply.externals[0].external_id));
    assert_str("0197a2b4-0000-7000-8000-000000000001", list.reply.externals[0].attempt);
    script_done(&s);
    script_done(&list);
}

static void a_second_slot_keeps_the_first_value_valid(void **state)
{
    struct script s = script_mock(*state, PROTOCOL_APPLY, "one", "");
    s.options.name = STR("mock-slots");
    script_run(&s);
    assert_ok(s.answered);
    struct script second = script_mock(*state, PROTOCOL_APPLY, "two", "");
    second.options.name = STR("mock-slots");
    script_run(&second);
    assert_int_equal(PROTOCOL_APPLIED, second.reply.result);
    assert_int_equal(PROTOCOL_WORKS, ask(*state, PROTOCOL_PROBE, "one"));
    assert_int_equal(PROTOCOL_WORKS, ask(*state, PROTOCOL_PROBE, "two"));
    script_done(&s);
    script_done(&second);
}

static void a_rotator_that_does_not_exist_is_refused(void **state)
{
    struct script s = script_mock(*state, PROTOCOL_PLAN, "", "");
    s.options.name = STR("nothing");
    script_run(&s);
    assert_status(UPSTREAM, s.started);
    struct script program = script_mock(*state, PROTOCOL_PLAN, "", "");
    program.options.form = LAUNCHER_PROGRAM;
    program.options.name = STR("/nonexistent/rotator");
    script_run(&program);
    assert_status(UPSTREAM, program.started);
    assert_true(no_hosts_left());
}

static void a_stranger_cannot_pass_as_one_of_ours(void **state)
{
    struct script s = script_mock(*state, PROTOCOL_PLAN, "", "");
    s.options.form = LAUNCHER_LINKED;
    s.options.name = STR(MOCK_MODULE);
    script_run(&s);
    assert_status(INVALID, s.started);
}

static void a_loadable_module_does_the_same_work(void **state)
{
    struct script s = script_mock(*state, PROTOCOL_APPLY, "by-module", "");
    char module[128];
    // Hosts of root run as another user, who may not be let into the folder of the build.
    world_copy_in(*state, MOCK_MODULE, module, sizeof module);
    s.options.form = LAUNCHER_MODULE;
    s.options.name = str_from_c(module);
    script_run(&s);
    if (s.started.code == STATUS_DENIED) {
        skip(); // nothing here walls it off, so it did not run at all
    }
    assert_ok(s.started);
    assert_string_equal("mock", s.name);
    assert_int_equal(PROTOCOL_APPLIED, s.reply.result);
    script_done(&s);
    assert_int_equal(PROTOCOL_WORKS, ask(*state, PROTOCOL_PROBE, "by-module"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(an_applied_value_works_for_the_next_process),
        TEST(a_host_ends_by_itself_when_it_is_let_go),
        TEST(a_late_attempt_is_fenced_off),
        TEST(a_policy_refusal_says_so),
        TEST(dying_before_the_commit_changes_nothing),
        TEST(dying_after_the_commit_is_found_by_a_probe),
        TEST(a_lost_reply_is_found_by_a_probe),
        TEST(a_hanging_rotator_is_killed_at_its_deadline),
        TEST(a_crash_harms_only_its_own_attempt),
        TEST(whoever_breaks_the_protocol_is_killed),
        TEST(an_operation_that_a_rotator_lacks_is_not_sent),
        TEST(an_issuer_shows_its_key_once_and_lists_it),
        TEST(a_second_slot_keeps_the_first_value_valid),
        TEST(a_rotator_that_does_not_exist_is_refused),
        TEST(a_stranger_cannot_pass_as_one_of_ours),
        TEST(a_loadable_module_does_the_same_work),
    };
    if (is_host_call(argc, argv)) {
        return run_host(argc, argv);
    }
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
