// SPDX-License-Identifier: ISC
#include "vault/audit/adopt.h"

#include "vault/audit/log_internal.h"
#include "vault/audit/tail.h"
#include "vault/base/arena.h"
#include "vault/base/limits.h"
#include "vault/base/log.h"

enum { CHAINS_PER_ROUND = 64, ARENA_BYTES = 16 * 1024 * 1024 };

static const struct store_statement list_open = {
    "audit.list_open", "SELECT c.id FROM audit_chain c WHERE c.closed_at IS NULL AND c.id > $1 "
                       "AND NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' "
                       "AND l.granted AND l.classid = " AUDIT_CHAIN_LOCK
                       " AND l.objid::int8 = c.id AND l.objsubid = 2) ORDER BY c.id LIMIT 64"};
static const struct store_statement try_lock = {
    "audit.try_chain", "SELECT pg_try_advisory_xact_lock(" AUDIT_CHAIN_LOCK ", $1::int8::int4)"};
static const struct store_statement still_open = {
    "audit.still_open", "SELECT 1 FROM audit_chain WHERE id = $1 AND closed_at IS NULL"};
static const struct store_statement claim_of_chain = {
    "audit.claim_of_chain",
    "UPDATE effect SET chain_id = $2, claimed_at = clock_timestamp() WHERE chain_id = $1"};
// One node claims at a time. Rechecking a row that another node has just claimed isn't enough: the
// outer join below would take it for one of a chain that doesn't exist. The lock comes first, so
// that the claim's snapshot has seen every claim before it.
static const struct store_statement lock_claims = {
    "audit.lock_claims", "SELECT pg_advisory_xact_lock(" AUDIT_CLAIM_LOCK ")"};
// Effects of closed chains: their request may still be on its way to record them itself.
static const struct store_statement claim_left = {
    "audit.claim_left",
    "UPDATE effect SET chain_id = $1, claimed_at = clock_timestamp() WHERE request_id IN "
    "(SELECT e.request_id FROM effect e LEFT JOIN audit_chain c ON c.id = e.chain_id "
    "WHERE (c.id IS NULL OR c.closed_at IS NOT NULL) "
    "AND e.at < clock_timestamp() - interval '15 seconds' LIMIT 512 FOR UPDATE OF e SKIP LOCKED)"};
static const struct store_statement list_claimed = {
    "audit.list_claimed",
    "SELECT request_id, namespace_id, at, accessor, actor, operation, path FROM effect "
    "WHERE chain_id = $1 AND claimed_at IS NOT NULL ORDER BY at LIMIT 256"};

struct adoption_job {
    int64_t mine; // the running chain
    int64_t dead[CHAINS_PER_ROUND];
    size_t dead_count;
    int64_t after;
    int64_t chain; // the one that is looked at
    bool closed;
    bool altered;
};

static struct status list_work(struct session *s, void *arg)
{
    struct adoption_job *job = arg;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(job->after)};
    TRY(session_exec(s, &list_open, values, ARRAY_LEN(values), &rows));
    job->dead_count = 0;
    for (int i = 0; i < rows.count && job->dead_count < CHAINS_PER_ROUND; i++) {
        job->dead[job->dead_count++] = store_get_int(&rows, i, 0);
    }
    return OK_STATUS;
}

static struct status is_free(struct session *s, int64_t chain, bool *out)
{
    struct store_rows locked CLEANUP(store_rows_done) = {0};
    struct store_rows open CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(chain)};
    TRY(session_exec(s, &try_lock, values, ARRAY_LEN(values), &locked));
    TRY(session_exec(s, &still_open, values, ARRAY_LEN(values), &open));
    *out = store_get_bool(&locked, 0, 0) && open.count == 1;
    return OK_STATUS;
}

static struct status close_chain(struct session *s, struct adoption_job *job)
{
    struct audit_reigns reigns CLEANUP(audit_reigns_done) = {0};
    struct audit_tail tail;
    struct status checked = audit_reigns_load(&reigns, s);
    if (status_ok(checked)) {
        checked = audit_tail_check(s, &reigns, job->chain, false, &tail);
    }
    if (checked.code == STATUS_INTEGRITY) {
        job->altered = true;
        log_event(LOG_ERROR, "audit.chain_altered", LOG_INT("chain", job->chain),
                  LOG_STATUS(checked));
        return OK_STATUS;
    }
    TRY(checked);
    const struct store_value values[] = {store_int(job->chain), store_int(tail.seq),
                                         store_bytea(digest_bytes(&tail.head))};
    TRY(session_exec(s, &audit_close_chain, values, ARRAY_LEN(values), NULL));
    job->closed = true;
    return OK_STATUS;
}

// One transaction: while it holds the lock nobody else looks at the chain.
static struct status adopt_work(struct session *s, void *arg)
{
    struct adoption_job *job = arg;
    bool free_chain;
    job->closed = false;
    job->altered = false;
    TRY(is_free(s, job->chain, &free_chain));
    if (!free_chain) {
        return OK_STATUS;
    }
    const struct store_value values[] = {store_int(job->chain), store_int(job->mine)};
    TRY(session_exec(s, &claim_of_chain, values, ARRAY_LEN(values), NULL));
    return close_chain(s, job);
}

static struct status adopt_chains(struct store *st, struct adoption_job *job,
                                  struct audit_adoption *out)
{
    do {
        TRY(store_run(st, list_work, job));
        for (size_t i = 0; i < job->dead_count; i++) {
            job->chain = job->dead[i];
            TRY(store_transact(st, adopt_work, job));
            out->chains += job->closed;
            out->altered += job->altered;
            job->after = job->chain;
        }
    } while (job->dead_count == CHAINS_PER_ROUND);
    return OK_STATUS;
}

// ---- effects

struct effects_job {
    int64_t mine;
    struct arena *arena;
    struct audit_entry *entries;
    size_t count;
};

static struct status claim_work(struct session *s, void *arg)
{
    const struct effects_job *job = arg;
    const struct store_value values[] = {store_int(job->mine)};
    TRY(session_exec(s, &lock_claims, NULL, 0, NULL));
    return session_exec(s, &claim_left, values, ARRAY_LEN(values), NULL);
}

static struct status read_effect(const struct effects_job *job, const struct store_rows *rows,
                                 int row, struct audit_entry *out)
{
    char at[CLOCK_TEXT_BYTES];
    clock_format(store_get_time(rows, row, 2), at);
    *out = (struct audit_entry){.request_id = store_get_uuid(rows, row, 0),
                                .namespace_id = store_get_int(rows, row, 1),
                                .effect = true,
                                .effect_chain = job->mine};
    TRY(arena_copy_str(job->arena, store_get_text(rows, row, 3), &out->accessor));
    TRY(arena_copy_str(job->arena, store_get_text(rows, row, 4), &out->actor));
    TRY(arena_copy_str(job->arena, store_get_text(rows, row, 5), &out->operation));
    TRY(arena_copy_str(job->arena, store_get_text(rows, row, 6), &out->path));
    return arena_printf(job->arena, &out->detail, "{\"recovered\":true,\"committed_at\":\"%s\"}",
                        at);
}

static struct status load_work(struct session *s, void *arg)
{
    struct effects_job *job = arg;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(job->mine)};
    TRY(session_exec(s, &list_claimed, values, ARRAY_LEN(values), &rows));
    job->entries = ARENA_ARRAY(job->arena, struct audit_entry, (size_t)rows.count + 1);
    if (job->entries == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (int i = 0; i < rows.count; i++) {
        TRY(read_effect(job, &rows, i, &job->entries[i]));
    }
    job->count = (size_t)rows.count;
    return OK_STATUS;
}

// The barrier that appends a record removes its effect: what is left over is taken up again.
static struct status record_some(struct audit_log *log, struct store *st, int64_t mine,
                                 size_t *out_count)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ARENA_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct effects_job job = {.mine = mine, .arena = arena};
    TRY(store_run(st, load_work, &job));
    for (size_t i = 0; i < job.count; i++) {
        TRY(audit_append(log, &job.entries[i]));
        (*out_count)++;
    }
    return OK_STATUS;
}

static struct status record_effects(struct audit_log *log, struct store *st, int64_t mine,
                                    struct audit_adoption *out)
{
    struct effects_job job = {.mine = mine};
    TRY(store_transact(st, claim_work, &job));
    for (;;) {
        size_t count = 0;
        struct status recorded = record_some(log, st, mine, &count);
        out->effects += (int64_t)count;
        TRY(recorded);
        if (count == 0) {
            return OK_STATUS;
        }
    }
}

struct status audit_adopt(struct audit_log *log, struct store *st, struct audit_adoption *out)
{
    *out = (struct audit_adoption){0};
    struct adoption_job job = {.mine = audit_log_chain(log)};
    if (job.mine == 0) {
        FAIL(UNAVAILABLE, "the audit log isn't connected");
    }
    struct status chains = adopt_chains(st, &job, out);
    struct status effects = record_effects(log, st, job.mine, out);
    if (out->chains + out->effects > 0) {
        log_event(LOG_INFO, "audit.adopted", LOG_INT("chains", out->chains),
                  LOG_INT("effects", out->effects));
    }
    return status_ok(chains) ? effects : chains;
}
