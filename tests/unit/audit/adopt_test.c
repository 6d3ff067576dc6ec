// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "tests/unit/audit/audit_fixture.h"
#include "vault/audit/adopt.h"

static void leave_effects(struct audit_fixture *f, int chain)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO effect (request_id, chain_id, namespace_id, at, accessor, actor, "
             "operation, path) SELECT gen_random_uuid(), %d, 1, now() - interval '1 minute', 'a', "
             "'ghost', 'update', 'p/' || n FROM generate_series(1, 30) AS n",
             chain);
    audit_fixture_sql(f, sql);
}

static void assert_recovered_once(struct audit_fixture *f)
{
    assert_int_equal(0, audit_fixture_count(f, "SELECT count(*) FROM effect"));
    assert_int_equal(30, audit_fixture_count(f, "SELECT count(*) FROM audit_record "
                                                "WHERE actor = 'ghost' AND effect AND result = 0"));
    assert_int_equal(30, audit_fixture_count(f, "SELECT count(DISTINCT request_id) "
                                                "FROM audit_record WHERE actor = 'ghost'"));
    assert_int_equal(0, audit_fixture_verify(f).summary.problems);
}

static void body_dead_chain(struct audit_fixture *f)
{
    struct audit_adoption done;
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 3);
    leave_effects(f, 1);
    audit_fixture_kill(f, 0);
    audit_fixture_start(f, 1);
    assert_ok(audit_adopt(f->logs[1], f->store, &done));
    assert_int_equal(1, done.chains);
    assert_int_equal(30, done.effects);
    assert_recovered_once(f);
    assert_ok(audit_adopt(f->logs[1], f->store, &done));
    assert_int_equal(0, done.chains + done.effects);
}

static void effects_of_a_dead_node_become_records(void **state)
{
    (void)state;
    audit_fixture_run(body_dead_chain);
}

static void body_alive(struct audit_fixture *f)
{
    struct audit_adoption done;
    audit_fixture_start(f, 0);
    audit_fixture_start(f, 1);
    leave_effects(f, 1);
    assert_ok(audit_adopt(f->logs[1], f->store, &done));
    assert_int_equal(0, done.chains + done.effects);
    assert_int_equal(30, audit_fixture_count(f, "SELECT count(*) FROM effect WHERE chain_id = 1"));
}

static void a_living_node_keeps_its_effects(void **state)
{
    (void)state;
    audit_fixture_run(body_alive);
}

struct adopter {
    struct audit_fixture *f;
    size_t node;
    struct status status;
    struct fiber_event done;
};

static void adopt_fiber(void *arg)
{
    struct adopter *a = arg;
    struct audit_adoption done;
    a->status = audit_adopt(a->f->logs[a->node], a->f->store, &done);
    fiber_signal(&a->done);
}

static void body_two(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 3);
    leave_effects(f, 1);
    audit_fixture_kill(f, 0);
    audit_fixture_start(f, 0); // closes chain 1 itself: its effects are left over
    audit_fixture_start(f, 1);
    struct adopter adopters[FIXTURE_NODES] = {{.f = f, .node = 0}, {.f = f, .node = 1}};
    for (size_t i = 0; i < FIXTURE_NODES; i++) {
        assert_ok(fiber_start(f->loop, adopt_fiber, &adopters[i]));
    }
    for (size_t i = 0; i < FIXTURE_NODES; i++) {
        assert_ok(fiber_wait(&adopters[i].done, CLOCK_NEVER));
        assert_ok(adopters[i].status);
    }
    assert_recovered_once(f);
}

static void two_nodes_recover_the_same_effects_once(void **state)
{
    (void)state;
    audit_fixture_run(body_two);
}

// Stands in front of the table: whoever claims waits here with his snapshot taken and no row locked
// yet, and goes on when the one before has committed. Each change of an effect's chain is noted.
static const char gate[] =
    "CREATE TABLE claim (request_id uuid); "
    "CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "INSERT INTO claim VALUES (new.request_id); RETURN NULL; END $$; "
    "CREATE TRIGGER note_claim AFTER UPDATE ON effect FOR EACH ROW EXECUTE FUNCTION note_claim(); "
    "CREATE FUNCTION pass_gate() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
    "IF current_query() LIKE '%SKIP LOCKED%' THEN PERFORM pg_advisory_xact_lock(4711); END IF; "
    "RETURN true; END $$; "
    "ALTER TABLE effect RENAME TO effect_table; "
    "CREATE VIEW effect AS SELECT * FROM effect_table WHERE pass_gate(); "
    "SELECT pg_advisory_lock(4711)";

static void body_gate(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    audit_fixture_start(f, 1);
    leave_effects(f, 77); // of a chain that is gone
    audit_fixture_sql(f, gate);
    struct adopter adopters[FIXTURE_NODES] = {{.f = f, .node = 0}, {.f = f, .node = 1}};
    for (size_t i = 0; i < FIXTURE_NODES; i++) {
        assert_ok(fiber_start(f->loop, adopt_fiber, &adopters[i]));
    }
    while (audit_fixture_count(f, "SELECT count(*) FROM pg_locks WHERE NOT granted") < 2) {
        fiber_sleep_until(clock_monotonic_us() + CLOCK_SECOND / 100);
    }
    audit_fixture_sql(f, "SELECT pg_advisory_unlock(4711)");
    for (size_t i = 0; i < FIXTURE_NODES; i++) {
        assert_ok(fiber_wait(&adopters[i].done, CLOCK_NEVER));
        assert_ok(adopters[i].status);
    }
    assert_int_equal(30, audit_fixture_count(f, "SELECT count(*) FROM claim"));
    assert_recovered_once(f);
}

static void what_one_node_is_claiming_is_not_claimed_by_another(void **state)
{
    (void)state;
    audit_fixture_run(body_gate);
}

static void body_interrupted(struct audit_fixture *f)
{
    struct audit_adoption done;
    audit_fixture_start(f, 0);
    audit_fixture_start(f, 1);
    // Claimed by node 0, which died before it could record them.
    leave_effects(f, 1);
    audit_fixture_sql(f, "UPDATE effect SET claimed_at = now()");
    audit_fixture_kill(f, 0);
    assert_ok(audit_adopt(f->logs[1], f->store, &done));
    assert_int_equal(30, done.effects);
    assert_recovered_once(f);
}

static void an_interrupted_recovery_is_taken_over(void **state)
{
    (void)state;
    audit_fixture_run(body_interrupted);
}

static void body_altered(struct audit_fixture *f)
{
    struct audit_adoption done;
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 3);
    leave_effects(f, 1);
    audit_fixture_kill(f, 0);
    audit_fixture_sql(f, "UPDATE audit_record SET actor = 'x' WHERE chain_id = 1 AND seq = 3");
    audit_fixture_start(f, 1);
    assert_ok(audit_adopt(f->logs[1], f->store, &done));
    assert_int_equal(1, done.altered);
    assert_int_equal(30, done.effects);
    assert_int_equal(1, audit_fixture_count(f, "SELECT count(*) FROM audit_chain WHERE id = 1 "
                                               "AND closed_at IS NULL"));
    assert_int_equal(3, audit_fixture_verify(f).first.seq);
}

static void an_altered_chain_stays_open_and_harms_nobody(void **state)
{
    (void)state;
    audit_fixture_run(body_altered);
}

static void body_cut(struct audit_fixture *f)
{
    struct audit_adoption done;
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 3);
    audit_fixture_kill(f, 0);
    audit_fixture_sql(f, "DELETE FROM audit_batch WHERE chain_id = 1 AND last_seq = 3");
    audit_fixture_start(f, 1);
    assert_ok(audit_adopt(f->logs[1], f->store, &done));
    assert_int_equal(1, done.altered);
}

static void records_without_a_signature_are_not_closed_over(void **state)
{
    (void)state;
    audit_fixture_run(body_cut);
}

static void body_bound(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    const struct audit_entry entry = {
        .request_id = uuid_new(), .effect = true, .effect_chain = 77, .detail = STR("{}")};
    const struct audit_entry unbound = {
        .request_id = uuid_new(), .effect = true, .detail = STR("{}")};
    assert_status(UNAVAILABLE, audit_append(f->logs[0], &entry));
    assert_status(UNAVAILABLE, audit_append(f->logs[0], &unbound));
    audit_fixture_append(f, 0, 1);
    assert_int_equal(1, audit_fixture_count(f, "SELECT count(*) FROM audit_record"));
}

static void an_effect_of_another_chain_is_not_recorded_here(void **state)
{
    (void)state;
    audit_fixture_run(body_bound);
}

static void body_close(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 3);
    audit_fixture_stop(f, 0);
    assert_int_equal(3, audit_fixture_count(f, "SELECT closed_seq FROM audit_chain WHERE id = 1"));
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 1);
    assert_int_equal(1, audit_fixture_count(f, "SELECT previous_id FROM audit_chain WHERE id = 2"));
    assert_int_equal(0, audit_fixture_verify(f).summary.problems);
}

static void a_node_that_stops_closes_its_chain(void **state)
{
    (void)state;
    audit_fixture_run(body_close);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effects_of_a_dead_node_become_records),
        cmocka_unit_test(a_living_node_keeps_its_effects),
        cmocka_unit_test(two_nodes_recover_the_same_effects_once),
        cmocka_unit_test(what_one_node_is_claiming_is_not_claimed_by_another),
        cmocka_unit_test(an_interrupted_recovery_is_taken_over),
        cmocka_unit_test(an_altered_chain_stays_open_and_harms_nobody),
        cmocka_unit_test(records_without_a_signature_are_not_closed_over),
        cmocka_unit_test(an_effect_of_another_chain_is_not_recorded_here),
        cmocka_unit_test(a_node_that_stops_closes_its_chain),
    };
    return RUN_TESTS(tests);
}
