// SPDX-License-Identifier: ISC
// Succession of signing keys, and what a key that has been succeeded is good for.
#include "tests/unit/audit/audit_fixture.h"
#include "vault/crypto/signing.h"
#include "vault/audit/reign.h"

static struct status succeed_work(struct session *s, void *arg)
{
    return audit_signer_succeed(arg, s);
}

static struct status load_work(struct session *s, void *arg)
{
    return audit_signer_load(arg, s);
}

static void body_succession(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 2);
    assert_ok(store_transact(f->store, succeed_work, f->signer));
    audit_fixture_append(f, 0, 2); // with the old key, which this node still holds
    assert_ok(store_run(f->store, load_work, f->signer));
    audit_fixture_append(f, 0, 2);
    assert_int_equal(2, audit_fixture_count(f, "SELECT max(key_number) FROM audit_batch"));
    assert_int_equal(4, audit_fixture_count(f, "SELECT count(*) FROM audit_batch "
                                               "WHERE key_number = 1"));
    assert_int_equal(1, audit_fixture_count(f, "SELECT count(*) FROM audit_key "
                                               "WHERE wrapped_private IS NOT NULL"));
    assert_int_equal(0, audit_fixture_verify(f).summary.problems);
}

static void a_succession_fails_no_append(void **state)
{
    (void)state;
    audit_fixture_run(body_succession);
}

static void body_once(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    assert_ok(store_transact(f->store, succeed_work, f->signer));
    assert_status(CONFLICT, store_transact(f->store, succeed_work, f->signer));
    assert_ok(store_run(f->store, load_work, f->signer));
    assert_int_equal(2, audit_signer_number(f->signer));
    assert_ok(store_transact(f->store, succeed_work, f->signer));
}

static void of_two_nodes_one_succeeds_a_key(void **state)
{
    (void)state;
    audit_fixture_run(body_once);
}

static void body_late(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    assert_ok(store_transact(f->store, succeed_work, f->signer));
    audit_fixture_sql(f, "UPDATE audit_key SET succeeded_at = succeeded_at - interval '1 minute' "
                         "WHERE number = 1");
    const struct audit_entry entry = {.request_id = uuid_new(), .detail = STR("{}")};
    assert_false(status_ok(audit_append(f->logs[0], &entry)));
    while (!batch_connected(f->batches[0])) { // comes back with the new key
        fiber_sleep_until(clock_monotonic_us() + 1000);
    }
    audit_fixture_append(f, 0, 1);
    assert_int_equal(2, audit_fixture_count(f, "SELECT max(key_number) FROM audit_batch"));
}

static void a_node_that_missed_the_succession_is_refused_and_recovers(void **state)
{
    (void)state;
    audit_fixture_run(body_late);
}

// Keys 1 and 2, an hour apart.
struct two_keys {
    struct audit_reigns reigns;
    struct secret *private_halves[2];
};

static void add_key(struct two_keys *k, int64_t number, int64_t created_us)
{
    uint8_t public_key[AUDIT_PUBLIC_KEY_BYTES];
    uint8_t signature[AUDIT_SIGNATURE_BYTES];
    assert_ok(signing_generate(public_key, &k->private_halves[number - 1]));
    struct digest what = audit_succession_digest(number, created_us, BYTES_OF(public_key));
    signing_sign(k->private_halves[0], digest_bytes(&what), signature);
    const struct audit_key_item item = {number, created_us, BYTES_OF(public_key),
                                        BYTES_OF(signature)};
    assert_ok(audit_reigns_add(&k->reigns, &item));
}

static struct status check_signed_by(struct two_keys *k, int64_t number, int64_t time_us)
{
    uint8_t signature[AUDIT_SIGNATURE_BYTES];
    struct digest what = digest_of(BYTES_OF("head"));
    signing_sign(k->private_halves[number - 1], digest_bytes(&what), signature);
    const struct audit_signed s = {what, time_us, number, BYTES_OF(signature)};
    return audit_reigns_check(&k->reigns, &s);
}

static void todays_key_cannot_sign_for_yesterday(void **state)
{
    (void)state;
    const int64_t hour_us = 3600 * (int64_t)CLOCK_SECOND;
    const int64_t begin_us = 1000 * hour_us;
    struct two_keys k = {0};
    add_key(&k, 1, begin_us);
    add_key(&k, 2, begin_us + hour_us);
    assert_ok(check_signed_by(&k, 1, begin_us + hour_us / 2));
    assert_ok(check_signed_by(&k, 2, begin_us + hour_us * 2));
    assert_status(INTEGRITY, check_signed_by(&k, 2, begin_us + hour_us / 2));
    assert_status(INTEGRITY, check_signed_by(&k, 1, begin_us + hour_us * 2));
    assert_status(INTEGRITY, check_signed_by(&k, 1, begin_us - hour_us));
    audit_reigns_done(&k.reigns);
    secret_free(k.private_halves[0]);
    secret_free(k.private_halves[1]);
}

int main(void)
{
    // The first test's fixture locks the memory that secrets lie in.
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_succession_fails_no_append),
        cmocka_unit_test(of_two_nodes_one_succeeds_a_key),
        cmocka_unit_test(a_node_that_missed_the_succession_is_refused_and_recovers),
        cmocka_unit_test(todays_key_cannot_sign_for_yesterday),
    };
    return RUN_TESTS(tests);
}
