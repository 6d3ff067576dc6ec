// SPDX-License-Identifier: ISC
#include "tests/unit/audit/audit_fixture.h"
#include "vault/audit/retention.h"

// Today counts as old enough, so that no test has to wait for a week.
static void make_today_old(struct audit_fixture *f)
{
    audit_fixture_sql(
        f, "CREATE OR REPLACE FUNCTION audit_partitions(before timestamptz) "
           "RETURNS TABLE (suffix text, ends timestamptz) LANGUAGE sql STABLE AS $$ "
           "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'), now() + interval '1 day' "
           "WHERE to_regclass('audit_record_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')) "
           "IS NOT NULL $$");
}

struct drop_job {
    struct audit_signer *signer;
    bool dropped;
};

static struct status drop_work(struct session *s, void *arg)
{
    struct drop_job *job = arg;
    return audit_retention_drop_day(s, job->signer, 1, &job->dropped);
}

static struct status drop_day(struct audit_fixture *f, bool *out_dropped)
{
    struct drop_job job = {.signer = f->signer};
    TRY(store_transact(f->store, drop_work, &job));
    *out_dropped = job.dropped;
    return OK_STATUS;
}

static void write_and_drop(struct audit_fixture *f)
{
    bool dropped = false;
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 4);
    audit_fixture_checkpoint(f);
    make_today_old(f);
    assert_ok(drop_day(f, &dropped));
    assert_true(dropped);
}

static void body_drops(struct audit_fixture *f)
{
    write_and_drop(f);
    assert_int_equal(0, audit_fixture_count(f, "SELECT count(*) FROM audit_record"));
    audit_fixture_append(f, 0, 3);
    audit_fixture_checkpoint(f);
    struct audit_finding found = audit_fixture_verify(f);
    if (found.summary.problems != 0) {
        fail_msg("%s: record %lld", found.first.what, (long long)found.first.seq);
    }
    assert_int_equal(3, found.summary.records);
    assert_int_equal(4, found.summary.dropped_records);
}

static void a_dropped_day_leaves_a_log_that_verifies(void **state)
{
    (void)state;
    audit_fixture_run(body_drops);
}

static void body_more_removed(struct audit_fixture *f)
{
    write_and_drop(f);
    audit_fixture_append(f, 0, 3);
    audit_fixture_sql(f, "DELETE FROM audit_record WHERE seq = 5");
    struct audit_finding found = audit_fixture_verify(f);
    assert_int_equal(5, found.first.seq);
    assert_true(found.summary.problems > 0);
}

static void records_behind_a_tombstone_are_still_missed(void **state)
{
    (void)state;
    audit_fixture_run(body_more_removed);
}

static void body_forged(struct audit_fixture *f)
{
    write_and_drop(f);
    audit_fixture_append(f, 0, 3);
    audit_fixture_sql(f, "DELETE FROM audit_record WHERE seq <= 6; "
                         "DELETE FROM audit_batch WHERE last_seq <= 6; "
                         "UPDATE audit_claim SET seq = 6 WHERE dropped");
    assert_true(audit_fixture_verify(f).summary.problems > 0);
}

static void a_tombstone_cannot_be_stretched(void **state)
{
    (void)state;
    audit_fixture_run(body_forged);
}

static void body_altered(struct audit_fixture *f)
{
    bool dropped = false;
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 4);
    make_today_old(f);
    audit_fixture_sql(f, "UPDATE audit_record SET hash = sha256('x') WHERE seq = 4");
    assert_status(INTEGRITY, drop_day(f, &dropped));
    assert_int_equal(4, audit_fixture_count(f, "SELECT count(*) FROM audit_record"));
}

static void altered_records_are_kept_as_evidence(void **state)
{
    (void)state;
    audit_fixture_run(body_altered);
}

static void body_reader(struct audit_fixture *f)
{
    bool dropped = false;
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 2);
    make_today_old(f);
    audit_fixture_sql(f, "BEGIN; SELECT count(*) FROM audit_record"); // an export under way
    assert_status(UNAVAILABLE, drop_day(f, &dropped));
    audit_fixture_append(f, 0, 2);
    audit_fixture_sql(f, "COMMIT");
    assert_ok(drop_day(f, &dropped));
}

static void a_reader_delays_the_drop_and_nobody_else(void **state)
{
    (void)state;
    audit_fixture_run(body_reader);
}

static void body_young(struct audit_fixture *f)
{
    bool dropped = true;
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 2);
    assert_ok(drop_day(f, &dropped)); // asks for one second: a week is the least
    assert_false(dropped);
    assert_int_equal(2, audit_fixture_count(f, "SELECT count(*) FROM audit_record"));
}

static void nothing_younger_than_a_week_is_dropped(void **state)
{
    (void)state;
    audit_fixture_run(body_young);
}

static struct status prepare_work(struct session *s, void *arg)
{
    (void)arg;
    return audit_retention_prepare(s);
}

static void body_prepare(struct audit_fixture *f)
{
    audit_fixture_sql(f, "CREATE TABLE audit_record_20200101 PARTITION OF audit_record FOR VALUES "
                         "FROM ('2020-01-01 00:00Z') TO ('2020-01-02 00:00Z')");
    assert_ok(store_transact(f->store, prepare_work, NULL));
    assert_int_equal(
        5, audit_fixture_count(f, "SELECT count(*) FROM pg_class WHERE relkind = 'i' "
                                  "AND relname LIKE 'audit\\_record\\_20200101\\_by\\_%'"));
    assert_int_equal(9, audit_fixture_count(f, "SELECT count(*) FROM pg_inherits WHERE inhparent = "
                                               "'audit_batch'::regclass"));
}

static void ended_days_get_indexes_and_coming_days_exist(void **state)
{
    (void)state;
    audit_fixture_run(body_prepare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dropped_day_leaves_a_log_that_verifies),
        cmocka_unit_test(records_behind_a_tombstone_are_still_missed),
        cmocka_unit_test(a_tombstone_cannot_be_stretched),
        cmocka_unit_test(altered_records_are_kept_as_evidence),
        cmocka_unit_test(a_reader_delays_the_drop_and_nobody_else),
        cmocka_unit_test(nothing_younger_than_a_week_is_dropped),
        cmocka_unit_test(ended_days_get_indexes_and_coming_days_exist),
    };
    return RUN_TESTS(tests);
}
