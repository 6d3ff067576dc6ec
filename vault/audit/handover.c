// SPDX-License-Identifier: ISC
// What a worker's new connection does before anything else uses it.
#include "vault/audit/log_internal.h"
#include "vault/base/log.h"

static const struct store_statement terminate_backend = {
    "audit.terminate_backend",
    "SELECT count(pg_terminate_backend(l.pid, 5000)) FROM pg_locks l "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = " AUDIT_CHAIN_LOCK
    " AND l.objid::int8 = $1 AND l.pid <> pg_backend_pid()"};
static const struct store_statement lock_chain = {
    "audit.lock_chain", "SELECT pg_try_advisory_lock(" AUDIT_CHAIN_LOCK ", $1::int8::int4)"};
static const struct store_statement unlock_chain = {
    "audit.unlock_chain", "SELECT pg_advisory_unlock(" AUDIT_CHAIN_LOCK ", $1::int8::int4)"};
static const struct store_statement read_tail = {
    "audit.read_tail", "SELECT seq, hash FROM audit_record WHERE chain_id = $1 "
                       "ORDER BY seq DESC LIMIT 1"};
// Numbers without gaps: whoever opens a chain waits for the others.
static const struct store_statement lock_numbers = {
    "audit.lock_chain_numbers", "SELECT pg_advisory_xact_lock(" AUDIT_NUMBER_LOCK ")"};
static const struct store_statement next_chain = {
    "audit.next_chain", "SELECT coalesce(max(id), 0) + 1, clock_timestamp() FROM audit_chain"};
static const struct store_statement open_chain = {
    "audit.open_chain",
    "INSERT INTO audit_chain (id, node, worker, system_id, timeline, opened_at, "
    "previous_id, previous_seq, previous_head, genesis, key_number, signature) "
    "VALUES ($1, $2, $3, $4, $5, $6, nullif($7::int8, 0), $8, $9, $10, $11, $12)"};
static const struct store_statement find_line_type = {"audit.find_line_type",
                                                      "SELECT 'audit_line'::regtype::oid::int8"};
const struct store_statement audit_close_chain = {"audit.close_chain", AUDIT_CLOSE_CHAIN_SQL};

// After this the old connection can't commit any more.
static struct status fence(struct session *s, int64_t chain_id)
{
    const struct store_value values[] = {store_int(chain_id)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &terminate_backend, values, ARRAY_LEN(values), NULL));
    TRY(session_exec(s, &lock_chain, values, ARRAY_LEN(values), &rows));
    if (!store_get_bool(&rows, 0, 0)) {
        FAIL(UNAVAILABLE, "the connection before still holds its audit chain");
    }
    return OK_STATUS;
}

static struct status load_tail(struct session *s, int64_t chain_id, struct audit_head *out)
{
    const struct store_value values[] = {store_int(chain_id)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &read_tail, values, ARRAY_LEN(values), &rows));
    if (rows.count == 0) {
        return OK_STATUS; // nothing was appended: `out` stays at the genesis
    }
    struct bytes hash = store_get_bytes(&rows, 0, 1);
    if (hash.len != DIGEST_BYTES) {
        FAIL(INTEGRITY, "the tail of the audit log was altered");
    }
    out->seq = store_get_int(&rows, 0, 0);
    __builtin_memcpy(out->hash.octets, hash.ptr, DIGEST_BYTES);
    return OK_STATUS;
}

// The stored tail is either the last durable head or one that was sent: a lost reply.
static struct status check_tail(const struct audit_log *log, const struct audit_head *tail)
{
    for (size_t i = 0; i < log->known_count; i++) {
        if (log->known[i].seq == tail->seq && digest_equal(log->known[i].hash, tail->hash)) {
            return OK_STATUS;
        }
    }
    log_event(
        LOG_ERROR, "audit.tail_altered", LOG_INT("chain", log->chain_id),
        LOG_INT("stored_seq", tail->seq), LOG_INT("known_seq", log->head.seq),
        LOG_STR("advice", STR("after a fail-over to a replica that hadn't everything: restart "
                              "this node; otherwise run `rotunda audit verify` first")));
    FAIL(INTEGRITY,
         "the tail of the audit log isn't what this node wrote: restart it if a fail-over "
         "lost that, and run `rotunda audit verify`");
}

static struct status close_previous(struct session *s, const struct audit_log *log,
                                    struct audit_head *out)
{
    if (log->chain_id == 0) {
        return OK_STATUS;
    }
    TRY(fence(s, log->chain_id));
    *out = log->known[0];
    TRY(load_tail(s, log->chain_id, out));
    TRY(check_tail(log, out));
    const struct store_value values[] = {store_int(log->chain_id), store_int(out->seq),
                                         store_bytea(digest_bytes(&out->hash))};
    return session_exec(s, &audit_close_chain, values, ARRAY_LEN(values), NULL);
}

static struct status insert_chain(struct session *s, struct audit_log *log,
                                  const struct audit_chain_header *h, struct digest genesis)
{
    struct audit_signature signature;
    TRY(audit_sign(log->options.signer, genesis, &signature));
    const struct store_value values[] = {store_int(h->id),
                                         store_text(h->node),
                                         store_int(h->worker),
                                         store_int(h->system_id),
                                         store_int(h->timeline),
                                         store_time(h->opened_at_us),
                                         store_int(h->previous_id),
                                         store_int(h->previous_seq),
                                         store_bytea(digest_bytes(&h->previous_head)),
                                         store_bytea(digest_bytes(&genesis)),
                                         store_int(signature.key_number),
                                         store_bytea(BYTES_OF(signature.octets))};
    return session_exec(s, &open_chain, values, ARRAY_LEN(values), NULL);
}

static struct status describe_chain(struct session *s, const struct audit_log *log,
                                    const struct audit_head *previous,
                                    struct audit_chain_header *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &lock_numbers, NULL, 0, NULL));
    TRY(session_exec(s, &next_chain, NULL, 0, &rows));
    *out = (struct audit_chain_header){
        .id = store_get_int(&rows, 0, 0),
        .node = log->options.node,
        .worker = log->options.worker,
        .system_id = session_identity(s).system,
        .timeline = session_identity(s).timeline,
        .opened_at_us = store_get_time(&rows, 0, 1),
        .previous_id = log->chain_id,
        .previous_seq = previous->seq,
        .previous_head = previous->hash,
    };
    return OK_STATUS;
}

static struct status link_chain(struct session *s, struct audit_log *log,
                                struct audit_chain_header *header, struct digest *genesis)
{
    struct audit_head previous = {0};
    TRY(session_begin(s));
    TRY(close_previous(s, log, &previous));
    TRY(describe_chain(s, log, &previous, header));
    *genesis = audit_chain_genesis(header);
    TRY(insert_chain(s, log, header, *genesis));
    const struct store_value lock[] = {store_int(header->id)};
    TRY(session_exec(s, &lock_chain, lock, ARRAY_LEN(lock), NULL));
    return session_commit(s);
}

static struct status find_type(struct session *s, unsigned *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &find_line_type, NULL, 0, &rows));
    *out = (unsigned)store_get_int(&rows, 0, 0);
    return OK_STATUS;
}

struct status audit_handover(void *ctx, struct session *session)
{
    struct audit_log *log = ctx;
    TRY(audit_signer_load(log->options.signer, session));
    unsigned line_type;
    TRY(find_type(session, &line_type));
    struct audit_chain_header header;
    struct digest genesis;
    TRY(link_chain(session, log, &header, &genesis));
    if (log->chain_id != 0) {
        const struct store_value old[] = {store_int(log->chain_id)};
        TRY(session_exec(session, &unlock_chain, old, ARRAY_LEN(old), NULL));
    }
    log->line_type = line_type;
    log->chain_id = header.id;
    log->head = (struct audit_head){0, genesis};
    log->known[0] = log->head;
    log->known_count = 1;
    log->last_time_us = header.opened_at_us;
    audit_log_note_time(log, header.opened_at_us);
    log_repeated(LOG_INFO, "audit.chain_opened", LOG_INT("chain", header.id),
                 LOG_INT("previous", header.previous_id));
    return OK_STATUS;
}
