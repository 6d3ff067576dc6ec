// SPDX-License-Identifier: ISC
// The rows of attempts and credentials: who comes late changes nothing, what was altered is
// refused.
#include "tests/unit/rotation/rows_fixture.h"
#include "vault/crypto/random.h"
#include "vault/rotation/version.h"

static struct attempt_change change_to(const struct attempt *a, enum attempt_state state)
{
    struct attempt_change change = {.next = *a, .node = STR("node"), .detail = STR("")};
    change.next.state = state;
    return change;
}

static void moving_names_attempt_fence_state_and_row_version(void **state)
{
    struct rows_fixture *f = *state;
    struct credential c = rows_fixture_add_credential(f, f->target, "app");
    struct attempt a = rows_fixture_add_attempt(f, &c);
    struct attempt_change change = change_to(&a, ATTEMPT_STAGED);
    struct attempt wrong = a;
    wrong.fence = 7;
    assert_status(CONFLICT, attempt_update(f->session, f->keyring, &wrong, &change));
    wrong = a;
    wrong.row_version++;
    assert_status(CONFLICT, attempt_update(f->session, f->keyring, &wrong, &change));
    wrong = a;
    wrong.state = ATTEMPT_APPLYING;
    assert_status(CONFLICT, attempt_update(f->session, f->keyring, &wrong, &change));
    assert_ok(attempt_update(f->session, f->keyring, &a, &change));
    assert_status(CONFLICT, attempt_update(f->session, f->keyring, &a, &change));
    assert_ok(rows_fixture_read_attempt(f, a.id, &a));
    assert_int_equal(ATTEMPT_STAGED, a.state);
    assert_int_equal(2, a.row_version);
}

static void every_step_leaves_its_event(void **state)
{
    struct rows_fixture *f = *state;
    struct credential c = rows_fixture_add_credential(f, f->target, "app");
    struct attempt a = rows_fixture_add_attempt(f, &c);
    struct attempt_change change = change_to(&a, ATTEMPT_PLANNED);
    change.error_class = "unreachable";
    assert_ok(attempt_update(f->session, f->keyring, &a, &change));
    assert_int_equal(2, rows_fixture_int(f->session, "SELECT count(*) FROM rotation_event"));
    assert_int_equal(1, rows_fixture_int(f->session, "SELECT count(*) FROM rotation_event "
                                                     "WHERE error_class = 'unreachable'"));
}

static void what_is_kept_of_a_lost_call_is_under_the_mac(void **state)
{
    struct rows_fixture *f = *state;
    static const char *const columns[] = {"baseline = '[]'", "quarantine_until = now()",
                                          "applied_at = now()"};
    struct credential c = rows_fixture_add_credential(f, f->target, "app");
    struct attempt a = rows_fixture_add_attempt(f, &c);
    struct attempt_change change = change_to(&a, ATTEMPT_PLANNED);
    change.next.baseline = STR("[\"key-1\"]");
    change.next.quarantine_until_us = 5;
    change.next.applied_us = 4;
    assert_ok(attempt_update(f->session, f->keyring, &a, &change));
    assert_ok(rows_fixture_read_attempt(f, a.id, &a));
    assert_int_equal(5, a.quarantine_until_us);
    assert_int_equal(4, a.applied_us);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        rows_fixture_sql(f, "BEGIN; UPDATE rotation_attempt SET %s", columns[i]);
        assert_status(INTEGRITY, rows_fixture_read_attempt(f, a.id, &a));
        rows_fixture_sql(f, "ROLLBACK");
    }
}

static void a_credential_has_one_open_attempt(void **state)
{
    struct rows_fixture *f = *state;
    struct credential c = rows_fixture_add_credential(f, f->target, "app");
    struct attempt a = rows_fixture_add_attempt(f, &c);
    struct attempt second = attempt_new(&c, c.accounts[0], STR("manual"), 1);
    assert_status(CONFLICT, attempt_insert(f->session, f->keyring, STR("node"), &second));
    struct attempt_change over = change_to(&a, ATTEMPT_ROLLED_BACK);
    assert_ok(attempt_update(f->session, f->keyring, &a, &over));
    assert_ok(attempt_insert(f->session, f->keyring, STR("node"), &second));
}

static void an_account_has_one_open_attempt_whoever_asks(void **state)
{
    struct rows_fixture *f = *state;
    struct credential one = rows_fixture_add_credential(f, f->target, "one");
    struct credential two = rows_fixture_add_credential(f, f->target, "two");
    struct attempt a = attempt_new(&one, STR("shared"), STR("manual"), 1);
    struct attempt b = attempt_new(&two, STR("shared"), STR("manual"), 1);
    assert_ok(attempt_insert(f->session, f->keyring, STR("node"), &a));
    assert_status(CONFLICT, attempt_insert(f->session, f->keyring, STR("node"), &b));
}

static void an_altered_attempt_is_refused_whatever_was_altered(void **state)
{
    static const char *const edits[] = {
        "state = 'verified'",     "version = 9",      "hold = true",
        "values_tried = 1",       "account = 'root'", "cause = 'x'",
        "row_version = 9",        "mac = 'x'",        "created_at = now()",
        "id = gen_random_uuid()",
    };
    struct rows_fixture *f = *state;
    struct credential c = rows_fixture_add_credential(f, f->target, "app");
    struct attempt a = rows_fixture_add_attempt(f, &c);
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct attempt read;
        struct store_rows rows CLEANUP(store_rows_done) = {0};
        const struct store_statement all = {"test.all_attempts",
                                            "SELECT " ATTEMPT_COLUMNS " FROM rotation_attempt a"};
        struct session *other = rows_fixture_connect();
        rows_fixture_sql(f, "BEGIN; UPDATE rotation_attempt SET %s; COMMIT", edits[i]);
        assert_ok(session_exec(other, &all, NULL, 0, &rows));
        session_close(other);
        if (status_ok(attempt_read(f->keyring, &rows, 0, 0, &read))) {
            fail_msg("not noticed: %s", edits[i]);
        }
        rows_fixture_sql(f, "DELETE FROM rotation_attempt");
        a = attempt_new(&c, c.accounts[0], STR("manual"), 1);
        assert_ok(attempt_insert(f->session, f->keyring, STR("node"), &a));
    }
}

static void an_altered_credential_is_refused_whatever_was_altered(void **state)
{
    static const char *const edits[] = {
        "name = 'x'",
        "kind = 2",
        "strategy = 'pair'",
        "slots = 2",
        "accounts = '{x}'",
        "owner = 'x'",
        "purpose = 'x'",
        "interval_s = 1",
        "grace_s = 1",
        "jitter_s = 1",
        "cron = 'x'",
        "time_zone = 'x'",
        "windows = 'x'",
        "value_bits = 1",
        "value_alphabet = 'x'",
        "paused = true",
        "expires_at = now()",
        "current_version = 1",
        "previous_version = 1",
        "last_version = 1",
        "previous_until = now()",
        "next_rotation_at = now()",
        "last_rotated_at = now()",
        "account_settings = 'x'",
        "row_version = 2",
        "updated_at = now()",
    };
    static const struct store_statement all = {"test.credentials", "SELECT " CREDENTIAL_COLUMNS
                                                                   " FROM rotation_credential c"};
    struct rows_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct store_rows rows CLEANUP(store_rows_done) = {0};
        struct credential c = rows_fixture_add_credential(f, f->target, "app");
        rows_fixture_sql(f, "UPDATE rotation_credential SET %s", edits[i]);
        assert_ok(session_exec(f->session, &all, NULL, 0, &rows));
        assert_status(INTEGRITY, credential_read(f->keyring, &rows, 0, 0, f->arena, &c));
        rows_fixture_sql(f, "DELETE FROM rotation_credential");
    }
}

static void a_stale_credential_is_not_written(void **state)
{
    struct rows_fixture *f = *state;
    struct credential c = rows_fixture_add_credential(f, f->target, "app");
    assert_ok(credential_store(f->session, f->keyring, &c));
    assert_status(CONFLICT, credential_store(f->session, f->keyring, &c));
}

// Abandoned, with its ciphertext.
static void add_abandoned(struct rows_fixture *f, const struct credential *c,
                          const struct attempt *a, int64_t number)
{
    struct buffer sealed CLEANUP(buffer_done);
    uint8_t salt[VERSION_SALT_BYTES] = {0};
    struct version v = {.id = uuid_new(),
                        .namespace_id = c->namespace_id,
                        .credential = c->id,
                        .number = number,
                        .account = c->accounts[0],
                        .state = STR("abandoned"),
                        .attempt = a->id,
                        .salt = BYTES_OF(salt),
                        .created_us = 1};
    buffer_init(&sealed, 1024);
    assert_ok(version_seal(f->keyring, c->mount, bytes_from_str(STR("a-password")), &v, &sealed));
    assert_ok(version_insert(f->session, f->keyring, &v));
}

static void what_the_target_may_have_is_forgotten_last(void **state)
{
    struct rows_fixture *f = *state;
    const char *kept = "SELECT coalesce(sum(version), 0)::int8 FROM rotation_value "
                       "WHERE ciphertext IS NOT NULL";
    struct credential c = rows_fixture_add_credential(f, f->target, "app");
    struct attempt untouched = rows_fixture_add_attempt(f, &c);
    struct attempt_change over = change_to(&untouched, ATTEMPT_ROLLED_BACK);
    add_abandoned(f, &c, &untouched, 1);
    assert_ok(attempt_update(f->session, f->keyring, &untouched, &over));
    struct attempt set = rows_fixture_add_attempt(f, &c);
    over = change_to(&set, ATTEMPT_ROLLED_BACK);
    over.next.applied_us = 4;
    add_abandoned(f, &c, &set, 2);
    assert_ok(attempt_update(f->session, f->keyring, &set, &over));
    assert_ok(version_forget_abandoned(f->session, f->keyring, c.id, true));
    assert_int_equal(2, rows_fixture_int(f->session, kept));
    assert_ok(version_forget_abandoned(f->session, f->keyring, c.id, false));
    assert_int_equal(0, rows_fixture_int(f->session, kept));
}

int main(void)
{
    assert_ok(secret_system_init(true));
    const struct CMUnitTest tests[] = {
        rows_test(moving_names_attempt_fence_state_and_row_version),
        rows_test(every_step_leaves_its_event),
        rows_test(what_is_kept_of_a_lost_call_is_under_the_mac),
        rows_test(a_credential_has_one_open_attempt),
        rows_test(what_the_target_may_have_is_forgotten_last),
        rows_test(an_account_has_one_open_attempt_whoever_asks),
        rows_test(an_altered_attempt_is_refused_whatever_was_altered),
        rows_test(an_altered_credential_is_refused_whatever_was_altered),
        rows_test(a_stale_credential_is_not_written),
    };
    return RUN_TESTS(tests);
}
