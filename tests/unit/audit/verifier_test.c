// SPDX-License-Identifier: ISC
// Logs that nobody could have written. (What real ones look like when they are altered:
// tamper_test.c.)
#include "vault/audit/verifier.h"

#include "tests/support/test.h"
#include "vault/base/limits.h"

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

static struct status take_chain(struct audit_verifier *v, int64_t id)
{
    const struct audit_item chain = {.kind = AUDIT_ITEM_CHAIN, .chain = {.header = {.id = id}}};
    return audit_verifier_take(v, &chain);
}

static void take_claim_of_checkpoint(struct audit_verifier *v, int64_t number)
{
    const struct audit_item claim = {
        .kind = AUDIT_ITEM_CLAIM,
        .claim = {.chain_id = 1, .number = number, .head = BYTES_OF(head), .dropped = true}};
    assert_ok(audit_verifier_take(v, &claim));
}

static void take_checkpoint(struct audit_verifier *v, int64_t number)
{
    const struct audit_item checkpoint = {
        .kind = AUDIT_ITEM_CHECKPOINT,
        .checkpoint = {.number = number, .time_us = 1, .hash = BYTES_OF(head)}};
    assert_ok(audit_verifier_take(v, &checkpoint));
}

// Each would be a problem if it was remembered that nothing came of it.
static void checkpoints_between_two_numbers_are_not_made_up(void **state)
{
    (void)state;
    int problems = 0;
    struct audit_verifier *v CLEANUP(audit_verifier_cleanup) = NULL;
    const struct audit_verifier_options options = {.report = count, .ctx = &problems};
    assert_ok(audit_verifier_new(&options, &v));
    assert_ok(take_chain(v, 1));
    int before = problems;
    take_claim_of_checkpoint(v, INT64_C(1) << 24);
    take_claim_of_checkpoint(v, 5);
    take_claim_of_checkpoint(v, INT64_C(1) << 40);
    take_claim_of_checkpoint(v, 0);
    assert_int_equal(before + 1, problems);
    audit_verifier_end(v);
    // Three removed checkpoints, a chain that others leave out, and no key.
    assert_in_range(problems, before + 1 + 3, before + 1 + 3 + 2);
}

static void a_long_gap_in_the_checkpoints_is_reported_in_part(void **state)
{
    (void)state;
    int problems = 0;
    struct audit_verifier *v CLEANUP(audit_verifier_cleanup) = NULL;
    const struct audit_verifier_options options = {.report = count, .ctx = &problems};
    assert_ok(audit_verifier_new(&options, &v));
    take_checkpoint(v, INT64_C(1) << 40);
    assert_in_range(problems, LIMIT_AUDIT_GAP_PROBLEMS, LIMIT_AUDIT_GAP_PROBLEMS + 10);
    assert_int_equal(1, audit_verifier_summary(v).checkpoints);
}

static void chains_that_nobody_signed_are_remembered_up_to_a_limit(void **state)
{
    (void)state;
    int problems = 0;
    struct audit_verifier *v CLEANUP(audit_verifier_cleanup) = NULL;
    const struct audit_verifier_options options = {.report = count, .ctx = &problems};
    assert_ok(audit_verifier_new(&options, &v));
    for (int64_t id = 1; id <= LIMIT_AUDIT_UNSIGNED; id++) {
        assert_ok(take_chain(v, id));
    }
    assert_status(LIMIT, take_chain(v, LIMIT_AUDIT_UNSIGNED + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_out_of_all_proportion_are_reported),
        cmocka_unit_test(checkpoints_between_two_numbers_are_not_made_up),
        cmocka_unit_test(a_long_gap_in_the_checkpoints_is_reported_in_part),
        cmocka_unit_test(chains_that_nobody_signed_are_remembered_up_to_a_limit),
    };
    return RUN_TESTS(tests);
}
