// SPDX-License-Identifier: ISC
#include "vault/audit/tail.h"

#include <string.h>

#include "vault/audit/rows.h"

static const struct store_statement select_chain = {
    "audit.tail_chain", "SELECT " AUDIT_CHAIN_COLUMNS " FROM audit_chain WHERE id = $1"};
static const struct store_statement last_batch = {
    "audit.tail_batch", "SELECT " AUDIT_BATCH_COLUMNS " FROM audit_batch WHERE chain_id = $1 "
                        "ORDER BY last_seq DESC LIMIT 1"};
// The record before the batch gives what it is chained to.
static const struct store_statement last_records = {
    "audit.tail_records", "SELECT " AUDIT_RECORD_COLUMNS " FROM audit_record WHERE chain_id = $1 "
                          "AND seq >= $2 AND seq <= $3 ORDER BY seq"};
static const struct store_statement last_tombstone = {
    "audit.tail_tombstone", "SELECT seq, head FROM audit_claim WHERE chain_id = $1 AND dropped "
                            "ORDER BY seq DESC LIMIT 1"};

static struct status take_digest(struct bytes stored, struct digest *out)
{
    if (stored.len != DIGEST_BYTES) {
        FAIL(INTEGRITY, "a stored hash has the wrong length");
    }
    memcpy(out->octets, stored.ptr, DIGEST_BYTES);
    return OK_STATUS;
}

static struct status check_chain(struct session *s, const struct audit_reigns *reigns,
                                 int64_t chain_id, struct digest *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(chain_id)};
    TRY(session_exec(s, &select_chain, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "no such chain");
    }
    struct audit_item item;
    audit_read_chain(&rows, 0, &item);
    const struct audit_chain_item *c = &item.chain;
    *out = audit_chain_genesis(&c->header);
    if (!bytes_equal(c->genesis, digest_bytes(out))) {
        FAIL(INTEGRITY, "the chain's header was altered");
    }
    const struct audit_signed what = {.what = *out,
                                      .time_us = c->header.opened_at_us,
                                      .key_number = c->key_number,
                                      .signature = c->signature};
    return audit_reigns_check(reigns, &what);
}

static struct status check_batch(struct session *s, const struct audit_reigns *reigns,
                                 int64_t chain_id, struct audit_batch_head *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(chain_id)};
    TRY(session_exec(s, &last_batch, values, ARRAY_LEN(values), &rows));
    if (rows.count == 0) {
        *out = (struct audit_batch_head){.chain_id = chain_id, .first_seq = 1};
        return OK_STATUS;
    }
    struct audit_item item;
    audit_read_batch(&rows, 0, &item);
    const struct audit_batch_item *b = &item.batch;
    *out = (struct audit_batch_head){.chain_id = chain_id,
                                     .first_seq = b->first_seq,
                                     .last_seq = b->last_seq,
                                     .time_us = b->time_us};
    TRY(take_digest(b->head, &out->head));
    const struct audit_signed what = {.what = audit_batch_digest(out),
                                      .time_us = b->time_us,
                                      .key_number = b->key_number,
                                      .signature = b->signature};
    return audit_reigns_check(reigns, &what);
}

static struct status check_records(struct session *s, const struct audit_batch_head *b,
                                   struct digest genesis, bool live)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    // A live chain grows while we look.
    int64_t last = live ? b->last_seq : b->last_seq + 1;
    const struct store_value values[] = {store_int(b->chain_id), store_int(b->first_seq - 1),
                                         store_int(last)};
    TRY(session_exec(s, &last_records, values, ARRAY_LEN(values), &rows));
    struct digest head = genesis;
    bool linked = b->first_seq == 1; // else the record before tells, unless retention removed it
    int64_t seq = b->first_seq;
    for (int i = 0; i < rows.count; i++) {
        struct audit_item item;
        audit_read_record(&rows, i, &item);
        struct digest stored;
        TRY(take_digest(item.record.hash, &stored));
        bool before = item.record.seq == b->first_seq - 1;
        if (!before) {
            struct digest computed =
                audit_entry_hash(head, b->chain_id, item.record.seq, &item.record.entry);
            if (item.record.seq != seq++ || (linked && !digest_equal(computed, stored))) {
                FAIL(INTEGRITY, "the records aren't those that were written");
            }
        }
        linked = true;
        head = stored;
    }
    if (seq != b->last_seq + 1 || !digest_equal(head, b->last_seq == 0 ? genesis : b->head)) {
        FAIL(INTEGRITY, "the records aren't those that were signed");
    }
    return OK_STATUS;
}

// Everything of the chain may have been removed by retention.
static struct status load_tombstone(struct session *s, int64_t chain_id, struct audit_tail *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(chain_id)};
    TRY(session_exec(s, &last_tombstone, values, ARRAY_LEN(values), &rows));
    if (rows.count == 0) {
        return OK_STATUS;
    }
    TRY(take_digest(store_get_bytes(&rows, 0, 1), &out->head));
    out->seq = store_get_int(&rows, 0, 0);
    return OK_STATUS;
}

struct status audit_tail_check(struct session *s, const struct audit_reigns *reigns,
                               int64_t chain_id, bool live, struct audit_tail *out)
{
    struct digest genesis;
    struct audit_batch_head batch;
    TRY(check_chain(s, reigns, chain_id, &genesis));
    TRY(check_batch(s, reigns, chain_id, &batch));
    TRY(check_records(s, &batch, genesis, live));
    struct audit_tail tail = {batch.last_seq, batch.last_seq == 0 ? genesis : batch.head};
    if (tail.seq == 0) {
        TRY(load_tombstone(s, chain_id, &tail));
    }
    *out = tail;
    return OK_STATUS;
}
