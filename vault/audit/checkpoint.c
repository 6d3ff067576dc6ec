// SPDX-License-Identifier: ISC
#include "vault/audit/checkpoint.h"

#include <string.h>

#include "vault/audit/log_internal.h"
#include "vault/audit/rows.h"
#include "vault/audit/tail.h"
#include "vault/base/log.h"

static const struct store_statement take_lock = {
    "audit.lock_checkpoint", "SELECT pg_advisory_xact_lock(" AUDIT_CHECKPOINT_LOCK ")"};
static const struct store_statement newest = {
    "audit.newest_checkpoint",
    "SELECT number, hash, (extract(epoch FROM clock_timestamp() - time))::int8 "
    "FROM audit_checkpoint ORDER BY number DESC LIMIT 1"};
static const struct store_statement list_unlisted = {
    "audit.list_unlisted", "SELECT id, closed_at IS NOT NULL FROM audit_chain "
                           "WHERE final_checkpoint IS NULL ORDER BY id"};
static const struct store_statement last_claim = {
    "audit.last_claim", "SELECT seq, head FROM audit_claim WHERE chain_id = $1 AND NOT dropped "
                        "ORDER BY number DESC LIMIT 1"};
static const struct store_statement chain_genesis = {
    "audit.chain_genesis", "SELECT 0::int8, genesis FROM audit_chain WHERE id = $1"};
static const struct store_statement insert_claim = {
    "audit.insert_claim", "INSERT INTO audit_claim (chain_id, number, seq, head, closed, dropped) "
                          "VALUES ($1, $2, $3, $4, $5, $6)"};
static const struct store_statement mark_final = {
    "audit.mark_final", "UPDATE audit_chain SET final_checkpoint = $2 WHERE id = $1"};
static const struct store_statement insert_checkpoint = {
    "audit.insert_checkpoint", "INSERT INTO audit_checkpoint (" AUDIT_CHECKPOINT_COLUMNS ") "
                               "VALUES ($1, $2, $3, $4, $5, $6, $7)"};
static const struct store_statement select_checkpoint = {
    "audit.checkpoint",
    "SELECT " AUDIT_CHECKPOINT_COLUMNS " FROM audit_checkpoint WHERE number = $1"};
static const struct store_statement select_claims = {
    "audit.claims",
    "SELECT " AUDIT_CLAIM_COLUMNS " FROM audit_claim WHERE number = $1 ORDER BY chain_id"};
static const struct store_statement read_clock = {"audit.checkpoint_clock",
                                                  "SELECT clock_timestamp()"};
static const struct store_statement record_hash = {
    "audit.record_hash", "SELECT hash FROM audit_record WHERE chain_id = $1 AND seq = $2"};
static const struct store_statement dropped_through = {
    "audit.dropped_through",
    "SELECT 1 FROM audit_claim WHERE chain_id = $1 AND dropped AND seq >= $2 LIMIT 1"};

static struct status take_digest(struct bytes stored, struct digest *out)
{
    if (stored.len != DIGEST_BYTES) {
        FAIL(INTEGRITY, "a stored hash has the wrong length");
    }
    memcpy(out->octets, stored.ptr, DIGEST_BYTES);
    return OK_STATUS;
}

struct status audit_checkpoint_lock(struct session *s, struct audit_checkpoint_head *out,
                                    int64_t *out_age_s)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &take_lock, NULL, 0, NULL));
    TRY(session_exec(s, &newest, NULL, 0, &rows));
    *out = (struct audit_checkpoint_head){0};
    *out_age_s = INT64_MAX;
    if (rows.count == 1) {
        out->number = store_get_int(&rows, 0, 0);
        *out_age_s = store_get_int(&rows, 0, 2);
        TRY(take_digest(store_get_bytes(&rows, 0, 1), &out->hash));
    }
    return OK_STATUS;
}

struct status audit_checkpoint_claim(struct session *s, const struct audit_claim_item *claim,
                                     struct audit_content *content)
{
    struct digest head;
    TRY(take_digest(claim->head, &head));
    const struct store_value values[] = {store_int(claim->chain_id), store_int(claim->number),
                                         store_int(claim->seq),      store_bytea(claim->head),
                                         store_bool(claim->closed),  store_bool(claim->dropped)};
    TRY(session_exec(s, &insert_claim, values, ARRAY_LEN(values), NULL));
    audit_content_add(content, claim->chain_id, claim->seq, head, claim->closed, claim->dropped);
    return OK_STATUS;
}

struct status audit_checkpoint_sign(struct session *s, struct audit_signer *signer,
                                    struct audit_checkpoint_header *header,
                                    struct audit_checkpoint_head *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &read_clock, NULL, 0, &rows));
    header->time_us = store_get_time(&rows, 0, 0);
    struct digest hash = audit_checkpoint_hash(header);
    struct audit_signature signature;
    TRY(audit_sign(signer, hash, &signature));
    bool tombstone = header->dropped_before_us != 0;
    const struct store_value values[] = {store_int(header->number),
                                         store_time(header->time_us),
                                         tombstone ? store_time(header->dropped_before_us)
                                                   : store_null(STORE_TIME),
                                         store_bytea(digest_bytes(&header->previous_hash)),
                                         store_bytea(digest_bytes(&hash)),
                                         store_int(signature.key_number),
                                         store_bytea(BYTES_OF(signature.octets))};
    TRY(session_exec(s, &insert_checkpoint, values, ARRAY_LEN(values), NULL));
    *out = (struct audit_checkpoint_head){header->number, hash};
    return OK_STATUS;
}

// What can't be vouched for is listed as it was the last time.
static struct status previous_claim(struct session *s, int64_t chain_id, struct audit_tail *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(chain_id)};
    TRY(session_exec(s, &last_claim, values, ARRAY_LEN(values), &rows));
    if (rows.count == 0) {
        store_rows_done(&rows);
        TRY(session_exec(s, &chain_genesis, values, ARRAY_LEN(values), &rows));
    }
    out->seq = store_get_int(&rows, 0, 0);
    return take_digest(store_get_bytes(&rows, 0, 1), &out->head);
}

struct listing {
    struct session *session;
    struct audit_reigns reigns;
    struct audit_checkpoint_header *header;
    int64_t altered;
};

static struct status list_chain(struct listing *l, int64_t chain_id, bool closed)
{
    struct audit_tail tail;
    struct status checked = audit_tail_check(l->session, &l->reigns, chain_id, !closed, &tail);
    if (checked.code == STATUS_INTEGRITY) {
        l->altered++;
        log_event(LOG_ERROR, "audit.chain_altered", LOG_INT("chain", chain_id),
                  LOG_STATUS(checked));
        TRY(previous_claim(l->session, chain_id, &tail));
    } else {
        TRY(checked);
    }
    const struct audit_claim_item claim = {.chain_id = chain_id,
                                           .number = l->header->number,
                                           .seq = tail.seq,
                                           .head = digest_bytes(&tail.head),
                                           .closed = closed};
    TRY(audit_checkpoint_claim(l->session, &claim, &l->header->content));
    if (!closed) {
        return OK_STATUS;
    }
    const struct store_value values[] = {store_int(chain_id), store_int(l->header->number)};
    return session_exec(l->session, &mark_final, values, ARRAY_LEN(values), NULL);
}

static struct status list_chains(struct listing *l)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(audit_reigns_load(&l->reigns, l->session));
    TRY(session_exec(l->session, &list_unlisted, NULL, 0, &rows));
    for (int i = 0; i < rows.count; i++) {
        TRY(list_chain(l, store_get_int(&rows, i, 0), store_get_bool(&rows, i, 1)));
    }
    return OK_STATUS;
}

struct status audit_checkpoint_make(struct session *s, struct audit_signer *signer,
                                    const struct audit_checkpoint_head *previous,
                                    struct audit_checkpoint_head *out, int64_t *out_altered)
{
    struct audit_checkpoint_header header = {.number = previous->number + 1,
                                             .previous_hash = previous->hash};
    struct listing l = {.session = s, .header = &header};
    struct status listed = list_chains(&l);
    audit_reigns_done(&l.reigns);
    TRY(listed);
    TRY(audit_checkpoint_sign(s, signer, &header, out));
    *out_altered = l.altered;
    return OK_STATUS;
}

static struct status copy_claims(struct session *s, int64_t number, struct arena *arena,
                                 struct audit_witness *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(number)};
    TRY(session_exec(s, &select_claims, values, ARRAY_LEN(values), &rows));
    struct audit_claim_item *claims =
        ARENA_ARRAY(arena, struct audit_claim_item, (size_t)rows.count + 1);
    if (claims == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (int i = 0; i < rows.count; i++) {
        struct audit_item item;
        audit_read_claim(&rows, i, &item);
        claims[i] = item.claim;
        TRY(arena_copy_bytes(arena, item.claim.head, &claims[i].head));
    }
    out->claims = claims;
    out->claim_count = (size_t)rows.count;
    return OK_STATUS;
}

struct status audit_checkpoint_load(struct session *s, int64_t number, struct arena *arena,
                                    struct audit_witness *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(number)};
    TRY(session_exec(s, &select_checkpoint, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "no such checkpoint");
    }
    struct audit_item item;
    audit_read_checkpoint(&rows, 0, &item);
    struct audit_witness w = {.checkpoint = item.checkpoint};
    TRY(arena_copy_bytes(arena, item.checkpoint.previous_hash, &w.checkpoint.previous_hash));
    TRY(arena_copy_bytes(arena, item.checkpoint.hash, &w.checkpoint.hash));
    TRY(arena_copy_bytes(arena, item.checkpoint.signature, &w.checkpoint.signature));
    TRY(copy_claims(s, number, arena, &w));
    *out = w;
    return OK_STATUS;
}

// ---- at start

static struct status check_genuine(struct session *s, const struct audit_witness *w)
{
    struct audit_reigns reigns CLEANUP(audit_reigns_done) = {0};
    TRY(audit_reigns_load(&reigns, s));
    const struct audit_checkpoint_item *c = &w->checkpoint;
    struct audit_checkpoint_header header = {
        .number = c->number, .time_us = c->time_us, .dropped_before_us = c->dropped_before_us};
    TRY(take_digest(c->previous_hash, &header.previous_hash));
    for (size_t i = 0; i < w->claim_count; i++) {
        struct digest head;
        TRY(take_digest(w->claims[i].head, &head));
        audit_content_add(&header.content, w->claims[i].chain_id, w->claims[i].seq, head,
                          w->claims[i].closed, w->claims[i].dropped);
    }
    struct digest hash = audit_checkpoint_hash(&header);
    if (!bytes_equal(c->hash, digest_bytes(&hash))) {
        FAIL(INTEGRITY, "the newest checkpoint was altered");
    }
    const struct audit_signed what = {.what = hash,
                                      .time_us = c->time_us,
                                      .key_number = c->key_number,
                                      .signature = c->signature};
    return audit_reigns_check(&reigns, &what);
}

static struct status check_claim(struct session *s, const struct audit_claim_item *claim)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct store_rows dropped CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(claim->chain_id), store_int(claim->seq)};
    if (claim->seq == 0 || claim->dropped) {
        return OK_STATUS;
    }
    TRY(session_exec(s, &record_hash, values, ARRAY_LEN(values), &rows));
    if (rows.count > 0 && bytes_equal(store_get_bytes(&rows, 0, 0), claim->head)) {
        return OK_STATUS;
    }
    TRY(session_exec(s, &dropped_through, values, ARRAY_LEN(values), &dropped));
    if (rows.count > 0 || dropped.count == 0) {
        log_event(LOG_ERROR, "audit.tail_altered", LOG_INT("chain", claim->chain_id),
                  LOG_INT("seq", claim->seq), LOG_INT("checkpoint", claim->number));
        FAIL(INTEGRITY, "the audit log isn't what its newest checkpoint knows");
    }
    return OK_STATUS;
}

struct status audit_checkpoint_check_newest(struct session *s)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &newest, NULL, 0, &rows));
    if (rows.count == 0) {
        return OK_STATUS;
    }
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(AUDIT_LINE_MAX);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct audit_witness w;
    TRY(audit_checkpoint_load(s, store_get_int(&rows, 0, 0), arena, &w));
    TRY(check_genuine(s, &w));
    for (size_t i = 0; i < w.claim_count; i++) {
        TRY(check_claim(s, &w.claims[i]));
    }
    return OK_STATUS;
}
