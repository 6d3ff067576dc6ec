// SPDX-License-Identifier: ISC
#include "vault/audit/retention.h"

#include "vault/audit/checkpoint.h"
#include "vault/audit/reign.h"
#include "vault/audit/rows.h"
#include "vault/base/log.h"

static const struct store_statement oldest_day = {
    "audit.oldest_day", "SELECT suffix, ends FROM audit_partitions("
                        "clock_timestamp() - make_interval(secs => $1::float8)) LIMIT 1"};
// A day's last signature of each chain: all records of a batch carry its time, so a day ends with
// one. A record behind it, or another hash than the signed one, was forged.
static const struct store_statement day_ends = {
    "audit.day_ends",
    "SELECT b.chain_id, b.first_seq, b.last_seq, b.time, b.head, b.key_number, b.signature, "
    "(SELECT r.hash FROM audit_record r WHERE r.chain_id = b.chain_id AND r.time < $1 "
    "ORDER BY r.seq DESC LIMIT 1) "
    "FROM (SELECT DISTINCT ON (chain_id) " AUDIT_BATCH_COLUMNS " FROM audit_batch WHERE time < $1 "
    "ORDER BY chain_id, last_seq DESC) AS b ORDER BY b.chain_id"};
static const struct store_statement drop_day = {"audit.drop_day",
                                                "SELECT audit_drop_partition($1)"};
static const struct store_statement ensure_partitions = {"audit.ensure_partitions",
                                                         "SELECT audit_ensure_partitions()"};
static const struct store_statement index_partition = {"audit.index_partition",
                                                       "SELECT audit_index_partition()"};

struct day {
    struct audit_reigns reigns;
    struct audit_checkpoint_header header;
};

static struct status entomb_chain(struct session *s, struct day *d, const struct store_rows *rows,
                                  int row)
{
    struct audit_item item;
    audit_read_batch(rows, row, &item);
    const struct audit_batch_item *b = &item.batch;
    struct audit_batch_head head = {.chain_id = b->chain_id,
                                    .first_seq = b->first_seq,
                                    .last_seq = b->last_seq,
                                    .time_us = b->time_us};
    if (b->head.len != DIGEST_BYTES || !bytes_equal(b->head, store_get_bytes(rows, row, 7))) {
        FAIL(INTEGRITY, "records that are old enough to be removed aren't those that were signed");
    }
    __builtin_memcpy(head.head.octets, b->head.ptr, DIGEST_BYTES);
    const struct audit_signed what = {.what = audit_batch_digest(&head),
                                      .time_us = b->time_us,
                                      .key_number = b->key_number,
                                      .signature = b->signature};
    TRY(audit_reigns_check(&d->reigns, &what));
    const struct audit_claim_item claim = {.chain_id = b->chain_id,
                                           .number = d->header.number,
                                           .seq = b->last_seq,
                                           .head = b->head,
                                           .dropped = true};
    return audit_checkpoint_claim(s, &claim, &d->header.content);
}

static struct status entomb(struct session *s, struct day *d)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_time(d->header.dropped_before_us)};
    TRY(audit_reigns_load(&d->reigns, s));
    TRY(session_exec(s, &day_ends, values, ARRAY_LEN(values), &rows));
    for (int i = 0; i < rows.count; i++) {
        TRY(entomb_chain(s, d, &rows, i));
    }
    return OK_STATUS;
}

static struct status sign_tombstone(struct session *s, struct audit_signer *signer,
                                    int64_t before_us)
{
    struct audit_checkpoint_head previous;
    struct audit_checkpoint_head tombstone;
    int64_t age_s;
    TRY(audit_checkpoint_lock(s, &previous, &age_s));
    struct day d = {.header = {.number = previous.number + 1,
                               .dropped_before_us = before_us,
                               .previous_hash = previous.hash}};
    struct status entombed = entomb(s, &d);
    audit_reigns_done(&d.reigns);
    TRY(entombed);
    return audit_checkpoint_sign(s, signer, &d.header, &tombstone);
}

struct status audit_retention_drop_day(struct session *s, struct audit_signer *signer,
                                       int64_t retention_s, bool *out_dropped)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    int64_t age_s = retention_s > AUDIT_RETENTION_MIN_S ? retention_s : AUDIT_RETENTION_MIN_S;
    const struct store_value values[] = {store_int(age_s)};
    TRY(session_exec(s, &oldest_day, values, ARRAY_LEN(values), &rows));
    *out_dropped = rows.count == 1;
    if (rows.count == 0) {
        return OK_STATUS;
    }
    TRY(sign_tombstone(s, signer, store_get_time(&rows, 0, 1)));
    const struct store_value suffix[] = {store_text(store_get_text(&rows, 0, 0))};
    TRY(session_exec(s, &drop_day, suffix, ARRAY_LEN(suffix), NULL));
    log_event(LOG_INFO, "audit.day_dropped", LOG_STR("day", store_get_text(&rows, 0, 0)));
    return OK_STATUS;
}

struct status audit_retention_prepare(struct session *s)
{
    TRY(session_exec(s, &ensure_partitions, NULL, 0, NULL));
    TRY(session_take_time(s));
    return session_exec(s, &index_partition, NULL, 0, NULL);
}
