// SPDX-License-Identifier: ISC
#include "tests/unit/audit/audit_fixture.h"
#include "vault/audit/room.h"

static struct status measure_work(struct session *s, void *arg)
{
    return audit_room_measure(s, arg);
}

static struct audit_room measure(struct audit_fixture *f)
{
    struct audit_room room = {0};
    assert_ok(store_run(f->store, measure_work, &room));
    return room;
}

static void body_grows(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    struct audit_room before = measure(f);
    assert_true(before.audit_bytes > 0);
    assert_true(before.database_bytes > before.audit_bytes);
    audit_fixture_sql(f,
                      "INSERT INTO audit_batch SELECT 1000, i, i, now(), repeat('x', 1000)::bytea, "
                      "1, '' FROM generate_series(1, 2000) AS i");
    struct audit_room after = measure(f);
    assert_true(after.audit_bytes > before.audit_bytes + 2000000);
    assert_true(after.database_bytes > before.database_bytes + 2000000);
    // Today isn't over, so it says nothing of a day's growth.
    assert_int_equal(0, after.daily_bytes);
}

static void sizes_grow_with_the_log(void **state)
{
    (void)state;
    audit_fixture_run(body_grows);
}

// Two days that are over: one with records, one without.
static void body_days(struct audit_fixture *f)
{
    audit_fixture_sql(f, "CREATE TABLE audit_batch_20200102 PARTITION OF audit_batch "
                         "FOR VALUES FROM ('2020-01-02Z') TO ('2020-01-03Z'); "
                         "CREATE TABLE audit_record_20200102 PARTITION OF audit_record "
                         "FOR VALUES FROM ('2020-01-02Z') TO ('2020-01-03Z'); "
                         "CREATE TABLE audit_record_20200103 PARTITION OF audit_record "
                         "FOR VALUES FROM ('2020-01-03Z') TO ('2020-01-04Z'); "
                         "INSERT INTO audit_batch SELECT 1000, i, i, '2020-01-02 12:00Z', "
                         "repeat('x', 1000)::bytea, 1, '' FROM generate_series(1, 2000) AS i");
    struct audit_room room = measure(f);
    audit_fixture_sql(f, "DROP TABLE audit_batch_20200102, audit_record_20200102, "
                         "audit_record_20200103");
    assert_in_range(room.daily_bytes, 1000000, 1500000);
}

static void growth_is_the_mean_of_whole_days(void **state)
{
    (void)state;
    audit_fixture_run(body_days);
}

static void is_judged_against_both_bounds(void **state)
{
    (void)state;
    const struct audit_room room = {.audit_bytes = 1000, .database_bytes = 5000, .daily_bytes = 10};
    static const struct {
        struct audit_room_bounds bounds;
        enum audit_room_state want;
    } cases[] = {
        {{0, 0}, AUDIT_ROOM_ENOUGH},           {{1001, 0}, AUDIT_ROOM_SHORT_SOON},
        {{1000, 0}, AUDIT_ROOM_SHORT},         {{1069, 0}, AUDIT_ROOM_SHORT_SOON},
        {{1070, 0}, AUDIT_ROOM_ENOUGH},        {{2000, 5000}, AUDIT_ROOM_SHORT},
        {{2000, 5069}, AUDIT_ROOM_SHORT_SOON}, {{2000, 6000}, AUDIT_ROOM_ENOUGH},
        {{1, 6000}, AUDIT_ROOM_SHORT},         {{1069, 5000}, AUDIT_ROOM_SHORT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(cases[i].want, audit_room_judge(&room, &cases[i].bounds));
    }
}

static void without_a_whole_day_only_size_counts(void **state)
{
    (void)state;
    const struct audit_room room = {.audit_bytes = 1000, .database_bytes = 5000};
    assert_int_equal(AUDIT_ROOM_ENOUGH,
                     audit_room_judge(&room, &(struct audit_room_bounds){1001, 5001}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_grow_with_the_log),
        cmocka_unit_test(growth_is_the_mean_of_whole_days),
        cmocka_unit_test(is_judged_against_both_bounds),
        cmocka_unit_test(without_a_whole_day_only_size_counts),
    };
    return RUN_TESTS(tests);
}
