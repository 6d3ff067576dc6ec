// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_search.h"

#include "vault/secrets/kv/kv_rows.h"

// One statement for each index that may lead the way, most selective first; the other conditions
// filter. $2 prefix, $3 owner, $4 key, $5 expires before, $6 after, $7 limit. Path ranges stand
// open (chr(1114111) sorts last); starts_with() does the exact part.
#define SEARCH_HEAD "SELECT " KV_HEAD_COLUMNS " FROM kv_head h WHERE h.mount_id = $1 "
#define SEARCH_TAIL                                                                                \
    "AND h.path > $6 AND h.path >= $2 AND h.path < $2 || chr(1114111) AND starts_with(h.path, "    \
    "$2) "                                                                                         \
    "AND ($3 = '' OR h.owner = $3) AND ($4 = '' OR kv_key_of(h.path) = $4) "                       \
    "AND (h.expires_at < $5 OR $5 = 'infinity') ORDER BY h.path LIMIT $7"

static const struct store_statement search_by_key = {
    "kv.search_key", SEARCH_HEAD
    "AND hashtextextended(kv_key_of(h.path), 0) = hashtextextended($4, 0) " SEARCH_TAIL};
static const struct store_statement search_by_owner = {
    "kv.search_owner", SEARCH_HEAD "AND h.owner = $3 AND h.owner <> '' " SEARCH_TAIL};
static const struct store_statement search_by_expiry = {
    "kv.search_expiry",
    SEARCH_HEAD "AND h.expires_at < 'infinity' AND h.expires_at < $5 " SEARCH_TAIL};
static const struct store_statement search_by_path = {"kv.search_path", SEARCH_HEAD SEARCH_TAIL};

struct search_job {
    struct uuid mount;
    const struct kv_query *query;
    struct store_rows rows;
};

static const struct store_statement *choose(const struct kv_query *q)
{
    if (q->key.len > 0) {
        return &search_by_key;
    }
    if (q->owner.len > 0) {
        return &search_by_owner;
    }
    return q->expires_before_us == CLOCK_NEVER ? &search_by_path : &search_by_expiry;
}

static struct status search_work(struct session *s, void *arg)
{
    struct search_job *job = arg;
    const struct kv_query *q = job->query;
    const struct store_value values[] = {
        store_uuid(job->mount),
        store_text(q->prefix),
        store_text(q->owner),
        store_text(q->key),
        store_time(q->expires_before_us),
        store_text(q->after),
        store_int(q->limit),
    };
    return session_exec(s, choose(q), values, ARRAY_LEN(values), &job->rows);
}

struct status kv_search(struct operation *op, const struct kv_query *query, struct kv_head *heads,
                        struct store_rows *rows)
{
    struct search_job job = {.mount = op->mount->id, .query = query};
    TRY(store_run(op->worker->vault->store, search_work, &job));
    struct store_rows found CLEANUP(store_rows_done) = job.rows;
    for (int i = 0; i < found.count; i++) {
        TRY(kv_read_head(op->worker->vault->keyring, &found, i, 0, &heads[i]));
    }
    *rows = found;
    found = (struct store_rows){0};
    return OK_STATUS;
}
