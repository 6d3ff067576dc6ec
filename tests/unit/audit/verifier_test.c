// SPDX-License-Identifier: ISC
// Logs that nobody could have written. (What real ones look like when they are altered:
// tamper_test.c.)
#include "vault/audit/verifier.h"

#include "tests/support/test.h"

static const uint8_t head[32] = {1};

static void count(void *problems, const struct audit_problem *p)
{
    (void)p;
    ++*(int *)problems;
}

static void take_claim(struct audit_verifier *v, int64_t seq)
{
    const struct audit_item claim = {
        .kind = AUDIT_ITEM_CLAIM,
        .claim = {.chain_id = 1, .number = 1, .seq = seq, .head = BYTES_OF(head), .dropped = true}};
    assert_ok(audit_verifier_take(v, &claim));
}

static void take_record(struct audit_verifier *v, int64_t seq)
{
    const struct audit_item record = {
        .kind = AUDIT_ITEM_RECORD, .record = {.chain_id = 1, .seq = seq, .hash = BYTES_OF(head)}};
    assert_ok(audit_verifier_take(v, &record));
}

static void numbers_out_of_all_proportion_are_reported(void **state)
{
    (void)state;
    int problems = 0;
    struct audit_verifier *v CLEANUP(audit_verifier_cleanup) = NULL;
    const struct audit_verifier_options options = {.report = count, .ctx = &problems};
    const struct audit_item chain = {.kind = AUDIT_ITEM_CHAIN, .chain = {.header = {.id = 1}}};
    assert_ok(audit_verifier_new(&options, &v));
    assert_ok(audit_verifier_take(v, &chain));
    int before = problems;
    take_claim(v, INT64_MAX);
    take_claim(v, INT64_MIN);
    take_record(v, INT64_MAX);
    take_record(v, INT64_MIN);
    assert_int_equal(before + 4, problems);
    assert_int_equal(0, audit_verifier_summary(v).dropped_records);
    assert_int_equal(0, audit_verifier_summary(v).records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_out_of_all_proportion_are_reported),
    };
    return RUN_TESTS(tests);
}
