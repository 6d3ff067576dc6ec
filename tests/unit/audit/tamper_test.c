// SPDX-License-Identifier: ISC
// Whatever the database's owner does to the log is found.
#include <stdio.h>

#include "tests/unit/audit/audit_fixture.h"

// Two nodes, one of which lost its connection once; two checkpoints; the first node closed its
// chain.
static void write_log(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    audit_fixture_start(f, 1);
    audit_fixture_append(f, 0, 4);
    audit_fixture_append(f, 1, 3);
    audit_fixture_checkpoint(f);
    audit_fixture_kill(f, 0);
    audit_fixture_start(f, 0); // chain 3 continues chain 1
    audit_fixture_append(f, 0, 3);
    audit_fixture_append(f, 1, 2);
    audit_fixture_stop(f, 0);
    audit_fixture_checkpoint(f);
    audit_fixture_append(f, 1, 2);
}

static void body_genuine(struct audit_fixture *f)
{
    write_log(f);
    struct audit_finding found = audit_fixture_verify(f);
    if (found.summary.problems != 0) {
        fail_msg("%s: chain %lld, record %lld, checkpoint %lld", found.first.what,
                 (long long)found.first.chain_id, (long long)found.first.seq,
                 (long long)found.first.checkpoint);
    }
    assert_int_equal(3, found.summary.chains);
    assert_int_equal(14, found.summary.records);
    assert_int_equal(2, found.summary.checkpoints);
    assert_int_equal(1, found.summary.keys);
}

static void a_genuine_log_verifies(void **state)
{
    (void)state;
    audit_fixture_run(body_genuine);
}

struct tampering {
    const char *sql;
    int64_t chain_id; // where the first problem must be; 0: not looked at
    int64_t seq;
    int64_t checkpoint;
};

static const struct tampering tamperings[] = {
    // Every column of a record.
    {"UPDATE audit_record SET time = time + interval '1 us' WHERE chain_id = 1 AND seq = 2", 1, 2,
     0},
    {"UPDATE audit_record SET request_id = gen_random_uuid() WHERE chain_id = 1 AND seq = 2", 1, 2,
     0},
    {"UPDATE audit_record SET namespace_id = 2 WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET accessor = 'x' WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET actor = 'mallory' WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET auth_method = '' WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET remote = '' WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET operation = 'list' WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET path = 'x' WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET result = 403 WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET duration_us = 1 WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET effect = NOT effect WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET detail = '{\"n\": 1.1}' WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET hash = sha256('x') WHERE chain_id = 1 AND seq = 2", 1, 2, 0},
    {"UPDATE audit_record SET hash = '' WHERE chain_id = 1 AND seq = 4", 1, 4, 0},
    {"UPDATE audit_record SET seq = 9 WHERE chain_id = 1 AND seq = 4", 1, 4, 0},
    {"UPDATE audit_record SET chain_id = 2, seq = 99 WHERE chain_id = 1 AND seq = 4", 1, 4, 0},
    // Removed, added and swapped records.
    {"DELETE FROM audit_record WHERE chain_id = 1 AND seq = 1", 1, 1, 0},
    {"DELETE FROM audit_record WHERE chain_id = 1 AND seq = 3", 1, 3, 0},
    {"DELETE FROM audit_record WHERE chain_id = 1 AND seq BETWEEN 2 AND 3", 1, 2, 0},
    {"UPDATE audit_record SET seq = CASE seq WHEN 2 THEN 3 ELSE 2 END "
     "WHERE chain_id = 1 AND seq IN (2, 3)",
     1, 2, 0},
    {"INSERT INTO audit_record SELECT 1, 5, time, gen_random_uuid(), 1, '', 'bob', '', '', 'read', "
     "'x', 200, 1, false, '{}', sha256('y') FROM audit_record WHERE chain_id = 1 AND seq = 4",
     1, 5, 0},
    {"INSERT INTO audit_record SELECT 1, 2, time + interval '1 us', request_id, 1, accessor, "
     "actor, "
     "auth_method, remote, operation, path, result, duration_us, effect, detail, hash "
     "FROM audit_record WHERE chain_id = 1 AND seq = 2",
     1, 2, 0},
    {"INSERT INTO audit_record SELECT 77, seq, time, request_id, 1, accessor, actor, auth_method, "
     "remote, operation, path, result, duration_us, effect, detail, hash "
     "FROM audit_record WHERE chain_id = 1 AND seq = 2",
     77, 2, 0},
    // Cut tails: with their signatures, of chains that something else knows about.
    {"DELETE FROM audit_record WHERE chain_id = 1 AND seq = 4", 1, 4, 0},
    {"DELETE FROM audit_record WHERE chain_id = 1 AND seq = 4; "
     "DELETE FROM audit_batch WHERE chain_id = 1 AND last_seq = 4",
     1, 4, 0},
    {"DELETE FROM audit_record WHERE chain_id = 3; DELETE FROM audit_batch WHERE chain_id = 3; "
     "UPDATE audit_chain SET closed_seq = 0, closed_head = genesis WHERE id = 3",
     3, 1, 0},
    {"DELETE FROM audit_record WHERE chain_id = 2 AND seq > 2; "
     "DELETE FROM audit_batch WHERE chain_id = 2 AND last_seq > 2",
     2, 3, 0},
    // Chains.
    {"DELETE FROM audit_chain WHERE id = 1", 1, 0, 0},
    {"DELETE FROM audit_chain WHERE id = 2; DELETE FROM audit_record WHERE chain_id = 2; "
     "DELETE FROM audit_batch WHERE chain_id = 2; DELETE FROM audit_claim WHERE chain_id = 2",
     2, 0, 0},
    {"DELETE FROM audit_chain WHERE id = 3; DELETE FROM audit_record WHERE chain_id = 3; "
     "DELETE FROM audit_batch WHERE chain_id = 3",
     3, 0, 0},
    {"UPDATE audit_chain SET node = 'other' WHERE id = 1", 1, 0, 0},
    {"UPDATE audit_chain SET worker = 5 WHERE id = 1", 1, 0, 0},
    {"UPDATE audit_chain SET system_id = 5 WHERE id = 1", 1, 0, 0},
    {"UPDATE audit_chain SET timeline = 5 WHERE id = 1", 1, 0, 0},
    {"UPDATE audit_chain SET opened_at = opened_at - interval '1 day' WHERE id = 1", 1, 0, 0},
    {"UPDATE audit_chain SET previous_id = NULL WHERE id = 3", 3, 0, 0},
    {"UPDATE audit_chain SET previous_seq = 3 WHERE id = 3", 3, 0, 0},
    {"UPDATE audit_chain SET previous_head = sha256('x') WHERE id = 3", 3, 0, 0},
    {"UPDATE audit_chain SET genesis = sha256('x') WHERE id = 1", 1, 0, 0},
    {"UPDATE audit_chain SET signature = set_byte(signature, 3, 255 - get_byte(signature, 3)) "
     "WHERE id = 1",
     1, 0, 0},
    {"UPDATE audit_chain SET closed_seq = 2 WHERE id = 3", 3, 2, 0},
    {"UPDATE audit_chain SET closed_head = sha256('x') WHERE id = 3", 3, 3, 0},
    // Signatures.
    {"DELETE FROM audit_batch WHERE chain_id = 1 AND last_seq = 2", 1, 0, 0},
    {"DELETE FROM audit_batch WHERE chain_id = 2 AND last_seq = 7", 2, 7, 0},
    {"UPDATE audit_batch SET signature = set_byte(signature, 0, 255 - get_byte(signature, 0)) "
     "WHERE chain_id = 1 AND last_seq = 2",
     1, 2, 0},
    {"UPDATE audit_batch a SET signature = b.signature FROM audit_batch b "
     "WHERE a.chain_id = 1 AND a.last_seq = 2 AND b.chain_id = 1 AND b.last_seq = 3",
     1, 2, 0},
    {"UPDATE audit_batch SET time = time + interval '1 us' WHERE chain_id = 1 AND last_seq = 2", 1,
     2, 0},
    {"UPDATE audit_batch SET first_seq = 1 WHERE chain_id = 1 AND last_seq = 2", 1, 0, 0},
    {"UPDATE audit_batch SET head = sha256('x') WHERE chain_id = 1 AND last_seq = 2", 1, 2, 0},
    // Checkpoints.
    {"DELETE FROM audit_checkpoint WHERE number = 1", 0, 0, 1},
    {"DELETE FROM audit_checkpoint WHERE number = 2", 0, 0, 2},
    {"DELETE FROM audit_claim WHERE number = 1 AND chain_id = 2", 0, 0, 1},
    {"UPDATE audit_claim SET seq = 2 WHERE number = 1 AND chain_id = 2", 2, 0, 1},
    {"UPDATE audit_claim SET head = sha256('x') WHERE number = 1 AND chain_id = 2", 2, 0, 1},
    {"UPDATE audit_claim SET closed = NOT closed WHERE number = 1 AND chain_id = 2", 0, 0, 1},
    {"UPDATE audit_claim SET dropped = true WHERE number = 1 AND chain_id = 2", 2, 0, 0},
    {"UPDATE audit_checkpoint SET time = time + interval '1 us' WHERE number = 1", 0, 0, 1},
    {"UPDATE audit_checkpoint SET dropped_before = now() WHERE number = 1", 0, 0, 1},
    {"UPDATE audit_checkpoint SET previous_hash = sha256('x') WHERE number = 2", 0, 0, 2},
    {"UPDATE audit_checkpoint SET hash = sha256('x') WHERE number = 2", 0, 0, 2},
    {"UPDATE audit_checkpoint SET signature = sha512('x') WHERE number = 2", 0, 0, 2},
    // Keys.
    {"UPDATE audit_key SET public_key = sha256('x')", 0, 0, 0},
    {"UPDATE audit_key SET created_at = created_at - interval '1 hour'", 0, 0, 0},
    {"UPDATE audit_key SET succession_signature = sha512('x')", 0, 0, 0},
    {"DELETE FROM audit_key", 0, 0, 0},
};

static bool is_at(const struct audit_problem *p, const struct tampering *t)
{
    return (t->chain_id == 0 || p->chain_id == t->chain_id) && (t->seq == 0 || p->seq == t->seq) &&
           (t->checkpoint == 0 || p->checkpoint == t->checkpoint);
}

static void body_tamper(struct audit_fixture *f)
{
    write_log(f);
    audit_fixture_sql(f, "ALTER TABLE audit_chain DROP CONSTRAINT audit_chain_key_number_fkey; "
                         "SET synchronous_commit = off");
    for (size_t i = 0; i < ARRAY_LEN(tamperings); i++) {
        audit_fixture_sql(f, "CREATE SCHEMA kept");
        audit_fixture_sql(f, "CREATE TABLE kept.audit_record AS TABLE audit_record; "
                             "CREATE TABLE kept.audit_batch AS TABLE audit_batch; "
                             "CREATE TABLE kept.audit_chain AS TABLE audit_chain; "
                             "CREATE TABLE kept.audit_claim AS TABLE audit_claim; "
                             "CREATE TABLE kept.audit_checkpoint AS TABLE audit_checkpoint; "
                             "CREATE TABLE kept.audit_key AS TABLE audit_key");
        audit_fixture_sql(f,
                          "ALTER TABLE audit_record DROP CONSTRAINT IF EXISTS audit_record_pkey");
        audit_fixture_sql(f, tamperings[i].sql);
        struct audit_finding found = audit_fixture_verify(f);
        if (found.summary.problems == 0 || !is_at(&found.first, &tamperings[i])) {
            fail_msg("%s: %s (chain %lld, record %lld, checkpoint %lld)", tamperings[i].sql,
                     found.first.what == NULL ? "not found" : found.first.what,
                     (long long)found.first.chain_id, (long long)found.first.seq,
                     (long long)found.first.checkpoint);
        }
        audit_fixture_sql(f, "DELETE FROM audit_record; DELETE FROM audit_batch; "
                             "DELETE FROM audit_chain; DELETE FROM audit_claim; "
                             "DELETE FROM audit_checkpoint; DELETE FROM audit_key; "
                             "INSERT INTO audit_record TABLE kept.audit_record; "
                             "INSERT INTO audit_batch TABLE kept.audit_batch; "
                             "INSERT INTO audit_chain TABLE kept.audit_chain; "
                             "INSERT INTO audit_claim TABLE kept.audit_claim; "
                             "INSERT INTO audit_checkpoint TABLE kept.audit_checkpoint; "
                             "INSERT INTO audit_key TABLE kept.audit_key; "
                             "SET client_min_messages = error; DROP SCHEMA kept CASCADE");
    }
    assert_int_equal(0, audit_fixture_verify(f).summary.problems);
}

static void every_alteration_is_found_where_it_is(void **state)
{
    (void)state;
    audit_fixture_run(body_tamper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_genuine_log_verifies),
        cmocka_unit_test(every_alteration_is_found_where_it_is),
    };
    return RUN_TESTS(tests);
}
