// SPDX-License-Identifier: ISC
// Every allocation of the audit log's lines and of its verification fails once.
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/allocation.h"
#include "tests/support/test.h"
#include "vault/audit/line.h"
#include "vault/audit/witness_file.h"
#include "vault/base/limits.h"

enum { CHAINS = 100, CHECKPOINTS = 100 };

static const uint8_t octets[32] = {1, 2, 3};

static struct audit_item record_item(void)
{
    return (struct audit_item){.kind = AUDIT_ITEM_RECORD,
                               .record = {.chain_id = 1,
                                          .seq = 1,
                                          .entry = {.time_us = 1700000000000000,
                                                    .actor = STR("root"),
                                                    .path = STR("secret/data/a"),
                                                    .detail = STR("{\"a\":\"b\"}")},
                                          .hash = BYTES_OF(octets)}};
}

static struct status write_and_read(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(buffer_done) struct buffer line;
    struct audit_item item = record_item();
    struct audit_line read;
    buffer_init(&line, AUDIT_LINE_MAX);
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    audit_line_put(&line, &item);
    TRY(buffer_status(&line));
    TRY(audit_line_parse(str_trim(buffer_str(&line)), arena, &read));
    assert_true(str_equal(item.record.entry.detail, read.item.record.entry.detail));
    return OK_STATUS;
}

static void ignore_problem(void *ctx, const struct audit_problem *p)
{
    (void)ctx;
    (void)p;
}

static struct status take_checkpoints(struct audit_verifier *v)
{
    for (int64_t i = 1; i <= CHECKPOINTS; i++) {
        const struct audit_item item = {
            .kind = AUDIT_ITEM_CHECKPOINT,
            .checkpoint = {.number = i, .time_us = i, .hash = BYTES_OF(octets)}};
        TRY(audit_verifier_take(v, &item));
    }
    return OK_STATUS;
}

// None of it is genuine: what counts is that each item was looked at, or NOMEM said.
static struct status verify(void *ctx)
{
    (void)ctx;
    CLEANUP(audit_verifier_cleanup) struct audit_verifier *v = NULL;
    const struct audit_verifier_options options = {.report = ignore_problem};
    const struct audit_item key = {.kind = AUDIT_ITEM_KEY,
                                   .key = {.number = 1, .public_key = BYTES_OF(octets)}};
    TRY(audit_verifier_new(&options, &v));
    TRY(audit_verifier_take(v, &key));
    for (int64_t i = 1; i <= CHAINS; i++) {
        struct audit_item chain = {.kind = AUDIT_ITEM_CHAIN, .chain = {.header = {.id = i}}};
        struct audit_item record = record_item();
        const struct audit_item claim = {
            .kind = AUDIT_ITEM_CLAIM,
            .claim = {.chain_id = i, .number = i, .seq = 1, .head = BYTES_OF(octets)}};
        record.record.chain_id = i;
        TRY(audit_verifier_take(v, &chain));
        TRY(audit_verifier_take(v, &record));
        TRY(audit_verifier_take(v, &claim));
    }
    TRY(take_checkpoints(v));
    audit_verifier_end(v);
    struct audit_summary s = audit_verifier_summary(v);
    assert_int_equal(CHAINS, s.chains);
    assert_int_equal(CHAINS, s.records);
    assert_int_equal(CHECKPOINTS, s.checkpoints);
    return OK_STATUS;
}

static struct status count_witness(void *count, const struct audit_witness *w)
{
    *(size_t *)count += w->claim_count;
    return OK_STATUS;
}

static struct status keep_and_read_witness(void *path)
{
    size_t count = 0;
    const struct audit_claim_item claim = {.chain_id = 1, .seq = 1, .head = BYTES_OF(octets)};
    const struct audit_witness w = {
        .checkpoint = {.number = 1, .time_us = 1700000000000000, .hash = BYTES_OF(octets)},
        .claims = &claim,
        .claim_count = 1};
    assert_int_equal(0, truncate(path, 0));
    TRY(audit_witness_append(path, &w));
    TRY(audit_witness_read(path, count_witness, &count));
    assert_int_equal(1, count);
    return OK_STATUS;
}

static void lines_survive_each(void **state)
{
    (void)state;
    allocation_fail_each_tolerant(write_and_read, NULL); // details can be written as text instead
}

static void verification_survives_each(void **state)
{
    (void)state;
    allocation_fail_each(verify, NULL);
}

static void a_checkpoint_file_survives_each(void **state)
{
    (void)state;
    char path[] = "/tmp/rotunda-witness-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    allocation_fail_each_tolerant(keep_and_read_witness, path); // reading works without a buffer
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_survive_each),
        cmocka_unit_test(verification_survives_each),
        cmocka_unit_test(a_checkpoint_file_survives_each),
    };
    return RUN_TESTS(tests);
}
