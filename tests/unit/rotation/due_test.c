// SPDX-License-Identifier: ISC
// Time zones as PostgreSQL knows them, and rows of before the columns that came later.
#include "tests/unit/rotation/rows_fixture.h"

#include "vault/rotation/when/due.h"

static int64_t at(const char *text)
{
    int64_t us;
    assert_ok(clock_parse(str_from_c(text), &us));
    return us;
}

static void zones_are_those_of_postgresql(void **state)
{
    struct rows_fixture *f = *state;
    static const char *const zones[] = {"Europe/Berlin",     "America/New_York",
                                        "Asia/Kolkata",      "Australia/Lord_Howe",
                                        "America/Sao_Paulo", "Africa/Casablanca"};
    static const struct store_statement to_utc = {
        "test.to_utc", "SELECT ($1::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE $2"};
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        struct credential c = {.cron = STR("* * * * *"), .time_zone = str_from_c(zones[i])};
        struct timetable t;
        assert_ok(due_timetable(f->session, &c, at("2026-01-01T00:00:00Z"), 400, f->arena, &t));
        for (int64_t wall = at("2026-01-02T00:10:00Z"); wall < at("2027-01-01T00:00:00Z");
             wall += 7 * CALENDAR_HOUR + 30 * CALENDAR_MINUTE) {
            const struct store_value values[] = {store_time(wall), store_text(c.time_zone)};
            struct store_rows rows CLEANUP(store_rows_done) = {0};
            assert_ok(session_exec(f->session, &to_utc, values, ARRAY_LEN(values), &rows));
            assert_int_equal(store_get_time(&rows, 0, 0), zone_to_utc(&t.zone, wall));
        }
    }
}

// Every minute around a change.
static void gaps_and_folds_are_those_of_postgresql(void **state)
{
    struct rows_fixture *f = *state;
    static const char *const days[][2] = {{"Europe/Berlin", "2026-03-29T00:30:00Z"},
                                          {"Europe/Berlin", "2026-10-25T00:30:00Z"},
                                          {"America/New_York", "2026-03-08T00:30:00Z"},
                                          {"America/New_York", "2026-11-01T00:30:00Z"},
                                          {"Australia/Lord_Howe", "2026-04-05T00:30:00Z"},
                                          {"Australia/Lord_Howe", "2026-10-04T00:30:00Z"}};
    static const struct store_statement to_utc = {
        "test.to_utc", "SELECT ($1::timestamptz AT TIME ZONE 'UTC') AT TIME ZONE $2"};
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        struct credential c = {.cron = STR("* * * * *"), .time_zone = str_from_c(days[i][0])};
        struct timetable t;
        assert_ok(due_timetable(f->session, &c, at("2026-01-01T00:00:00Z"), 400, f->arena, &t));
        for (int minute = 0; minute < 240; minute++) {
            int64_t wall = at(days[i][1]) + minute * CALENDAR_MINUTE;
            const struct store_value values[] = {store_time(wall), store_text(c.time_zone)};
            struct store_rows rows CLEANUP(store_rows_done) = {0};
            assert_ok(session_exec(f->session, &to_utc, values, ARRAY_LEN(values), &rows));
            assert_int_equal(store_get_time(&rows, 0, 0), zone_to_utc(&t.zone, wall));
        }
    }
}

static void a_zone_that_is_gone_counts_as_utc(void **state)
{
    struct rows_fixture *f = *state;
    struct credential c = {.id = uuid_new(), .cron = STR("@daily"), .time_zone = STR("Mars/Base")};
    struct timetable_due due;
    assert_ok(due_next(f->session, &c, at("2026-01-01T12:00:00Z"), f->arena, &due));
    assert_int_equal(at("2026-01-02T00:00:00Z"), due.at_us);
    struct str name;
    assert_status(INVALID, due_zone_name(f->session, STR("Mars/Base"), f->arena, &name));
    assert_status(INVALID, due_zone_name(f->session, STR("CEST-2"), f->arena, &name));
    assert_ok(due_zone_name(f->session, STR("europe/berlin"), f->arena, &name));
    assert_str("Europe/Berlin", name);
}

static void a_leap_day_is_found_beyond_the_first_horizon(void **state)
{
    struct rows_fixture *f = *state;
    struct credential c = {.cron = STR("30 2 29 feb *"), .time_zone = STR("Europe/Berlin")};
    struct timetable_due due;
    assert_ok(due_next(f->session, &c, at("2096-03-01T00:00:00Z"), f->arena, &due));
    assert_int_equal(at("2104-02-29T01:30:00Z"), due.at_us);
}

static void later_columns_are_under_the_mac(void **state)
{
    struct rows_fixture *f = *state;
    struct credential c = rows_fixture_add_credential(f, f->target, "later");
    static const char *const changes[] = {"blackouts = '[\"Mon\"]'", "value_rules = '{}'",
                                          "retire = 'use'",          "retire_quiet_s = 1",
                                          "retire_max_s = 1",        "moved_from = '2026-01-01Z'",
                                          "moved_by = 'window'"};
    char id[UUID_TEXT_BYTES];
    uuid_format(c.id, id);
    struct credential_found good CLEANUP(credential_found_done) = {0};
    assert_ok(credential_lock(f->session, f->keyring, c.id, f->arena, &good));
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct credential_found bad CLEANUP(credential_found_done) = {0};
        rows_fixture_sql(f, "BEGIN; UPDATE rotation_credential SET %s WHERE id = '%s'", changes[i],
                         id);
        assert_status(INTEGRITY, credential_lock(f->session, f->keyring, c.id, f->arena, &bad));
        rows_fixture_sql(f, "ROLLBACK");
    }
}

int main(void)
{
    assert_ok(secret_system_init(true));
    const struct CMUnitTest tests[] = {
        rows_test(zones_are_those_of_postgresql),
        rows_test(gaps_and_folds_are_those_of_postgresql),
        rows_test(a_zone_that_is_gone_counts_as_utc),
        rows_test(a_leap_day_is_found_beyond_the_first_horizon),
        rows_test(later_columns_are_under_the_mac),
    };
    return RUN_TESTS(tests);
}
