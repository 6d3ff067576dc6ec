// SPDX-License-Identifier: ISC
#include "vault/audit/walk.h"

#include "vault/audit/rows.h"
#include "vault/base/clock.h"

// Every kind of row has a cursor; the walk merges them.
#define FETCH "FETCH 256 FROM "

static const struct store_statement declare_keys = {
    "audit.walk_keys", "DECLARE audit_walk_keys NO SCROLL CURSOR FOR SELECT " AUDIT_KEY_COLUMNS
                       " FROM audit_key ORDER BY number"};
static const struct store_statement fetch_keys = {"audit.fetch_keys", FETCH "audit_walk_keys"};
static const struct store_statement declare_chains = {
    "audit.walk_chains",
    "DECLARE audit_walk_chains NO SCROLL CURSOR FOR SELECT " AUDIT_CHAIN_COLUMNS
    " FROM audit_chain ORDER BY id"};
static const struct store_statement fetch_chains = {"audit.fetch_chains",
                                                    FETCH "audit_walk_chains"};
static const struct store_statement declare_records = {
    "audit.walk_records",
    "DECLARE audit_walk_records NO SCROLL CURSOR FOR SELECT " AUDIT_RECORD_COLUMNS
    " FROM audit_record WHERE time >= $1 AND time < $2 ORDER BY chain_id, seq, time"};
static const struct store_statement declare_picked = {
    "audit.walk_picked",
    "DECLARE audit_walk_records NO SCROLL CURSOR FOR SELECT " AUDIT_RECORD_COLUMNS
    " FROM audit_record WHERE time >= $1 AND time < $2 AND ($3 = '' OR actor = $3 OR accessor = "
    "$3) "
    "AND ($4 = '' OR starts_with(path, $4)) AND ($5 = '' OR operation = $5) "
    "AND result >= $6 AND result <= $7 ORDER BY chain_id, seq, time"};
static const struct store_statement fetch_records = {"audit.fetch_records",
                                                     FETCH "audit_walk_records"};
static const struct store_statement declare_batches = {
    "audit.walk_batches",
    "DECLARE audit_walk_batches NO SCROLL CURSOR FOR SELECT " AUDIT_BATCH_COLUMNS
    " FROM audit_batch ORDER BY chain_id, last_seq, time"};
static const struct store_statement declare_batches_between = {
    "audit.walk_batches_between",
    "DECLARE audit_walk_batches NO SCROLL CURSOR FOR "
    "SELECT " AUDIT_BATCH_COLUMNS " FROM audit_batch WHERE time >= $1 AND time < $2 "
    "UNION ALL SELECT b.* FROM audit_chain c CROSS JOIN LATERAL "
    "(SELECT " AUDIT_BATCH_COLUMNS " FROM audit_batch WHERE chain_id = c.id AND time < $1 "
    "ORDER BY last_seq DESC LIMIT 1) AS b ORDER BY chain_id, last_seq, time"};
static const struct store_statement fetch_batches = {"audit.fetch_batches",
                                                     FETCH "audit_walk_batches"};
static const struct store_statement declare_claims = {
    "audit.walk_claims",
    "DECLARE audit_walk_claims NO SCROLL CURSOR FOR SELECT " AUDIT_CLAIM_COLUMNS
    " FROM audit_claim ORDER BY chain_id, seq, number"};
static const struct store_statement fetch_claims = {"audit.fetch_claims",
                                                    FETCH "audit_walk_claims"};
static const struct store_statement declare_checkpoints = {
    "audit.walk_checkpoints",
    "DECLARE audit_walk_checkpoints NO SCROLL CURSOR FOR SELECT " AUDIT_CHECKPOINT_COLUMNS
    " FROM audit_checkpoint ORDER BY number"};
static const struct store_statement fetch_checkpoints = {"audit.fetch_checkpoints",
                                                         FETCH "audit_walk_checkpoints"};

// One cursor and the rows that it gave last.
struct reader {
    struct session *session;
    const struct store_statement *fetch;
    audit_row_reader *read;
    struct store_rows rows;
    int at;
    bool ended;
    struct audit_item item; // the next one, unless it has ended
};

static void reader_done(struct reader *r)
{
    store_rows_done(&r->rows);
}

static struct status reader_next(struct reader *r)
{
    r->at++;
    if (r->at >= r->rows.count) {
        store_rows_done(&r->rows);
        r->rows = (struct store_rows){0};
        TRY(session_exec(r->session, r->fetch, NULL, 0, &r->rows));
        r->at = 0;
    }
    r->ended = r->rows.count == 0;
    if (!r->ended) {
        r->read(&r->rows, r->at, &r->item);
    }
    return OK_STATUS;
}

static struct status reader_open(struct reader *r, const struct store_statement *declare,
                                 const struct store_value *values, size_t count)
{
    TRY(session_exec(r->session, declare, values, count, NULL));
    return reader_next(r);
}

static struct status drain(struct reader *r, audit_item_sink *sink, void *ctx)
{
    while (!r->ended) {
        TRY(sink(ctx, &r->item));
        TRY(reader_next(r));
    }
    return OK_STATUS;
}

// ---- merging

struct place {
    int64_t chain_id;
    int64_t seq;
    int64_t rank; // of what stands at the same record
};

static struct place place_of(const struct audit_item *item)
{
    switch (item->kind) {
    case AUDIT_ITEM_RECORD:
        return (struct place){item->record.chain_id, item->record.seq, 0};
    case AUDIT_ITEM_BATCH:
        return (struct place){item->batch.chain_id, item->batch.last_seq, 1};
    case AUDIT_ITEM_CLAIM:
        return (struct place){item->claim.chain_id, item->claim.seq, 2};
    case AUDIT_ITEM_CHAIN:
    case AUDIT_ITEM_KEY:
    case AUDIT_ITEM_CHECKPOINT:
        break;
    }
    return (struct place){item->chain.header.id, INT64_MIN, 0};
}

static bool comes_before(struct place a, struct place b)
{
    if (a.chain_id != b.chain_id) {
        return a.chain_id < b.chain_id;
    }
    return a.seq != b.seq ? a.seq < b.seq : a.rank < b.rank;
}

enum { MERGED = 4 };

static struct status merge(struct reader readers[MERGED], audit_item_sink *sink, void *ctx)
{
    for (;;) {
        struct reader *next = NULL;
        for (size_t i = 0; i < MERGED; i++) {
            struct reader *r = &readers[i];
            if (!r->ended &&
                (next == NULL || comes_before(place_of(&r->item), place_of(&next->item)))) {
                next = r;
            }
        }
        if (next == NULL) {
            return OK_STATUS;
        }
        TRY(sink(ctx, &next->item));
        TRY(reader_next(next));
    }
}

static void merged_done(struct reader (*readers)[MERGED])
{
    for (size_t i = 0; i < MERGED; i++) {
        reader_done(&(*readers)[i]);
    }
}

static struct status walk_chains(struct session *s, const struct audit_filter *f,
                                 audit_item_sink *sink, void *ctx)
{
    struct reader readers[MERGED] CLEANUP(merged_done) = {
        {.session = s, .fetch = &fetch_chains, .read = audit_read_chain},
        {.session = s, .fetch = &fetch_records, .read = audit_read_record},
        {.session = s, .fetch = &fetch_batches, .read = audit_read_batch},
        {.session = s, .fetch = &fetch_claims, .read = audit_read_claim}};
    const struct store_value times[] = {store_time(f->from_us), store_time(f->to_us)};
    bool bounded = audit_filter_bounds_time(f);
    TRY(reader_open(&readers[0], &declare_chains, NULL, 0));
    TRY(reader_open(&readers[1], &declare_records, times, ARRAY_LEN(times)));
    TRY(reader_open(&readers[2], bounded ? &declare_batches_between : &declare_batches, times,
                    bounded ? ARRAY_LEN(times) : 0));
    TRY(reader_open(&readers[3], &declare_claims, NULL, 0));
    return merge(readers, sink, ctx);
}

static struct status walk_one(struct session *s, const struct store_statement *declare,
                              struct reader reader, audit_item_sink *sink, void *ctx)
{
    struct reader r CLEANUP(reader_done) = reader;
    r.session = s;
    TRY(reader_open(&r, declare, NULL, 0));
    return drain(&r, sink, ctx);
}

// A snapshot that may last: the reader of an export can be slow.
static struct status begin(struct session *s)
{
    TRY(session_begin_snapshot(s));
    TRY(session_take_time(s));
    return session_script(s, "SET LOCAL idle_in_transaction_session_timeout = '10min'");
}

bool audit_filter_picks(const struct audit_filter *f)
{
    return f->actor.len > 0 || f->path_prefix.len > 0 || f->operation.len > 0 ||
           f->result_from > 0 || f->result_to < INT64_MAX;
}

bool audit_filter_bounds_time(const struct audit_filter *f)
{
    return f->from_us > 0 || f->to_us != CLOCK_NEVER;
}

struct status audit_walk(struct session *s, const struct audit_filter *f, audit_item_sink *sink,
                         void *ctx)
{
    TRY(begin(s));
    TRY(walk_one(s, &declare_keys, (struct reader){.fetch = &fetch_keys, .read = audit_read_key},
                 sink, ctx));
    TRY(walk_chains(s, f, sink, ctx));
    TRY(walk_one(s, &declare_checkpoints,
                 (struct reader){.fetch = &fetch_checkpoints, .read = audit_read_checkpoint}, sink,
                 ctx));
    return session_commit(s);
}

struct status audit_walk_records(struct session *s, const struct audit_filter *f,
                                 audit_item_sink *sink, void *ctx)
{
    struct reader r CLEANUP(reader_done) = {
        .session = s, .fetch = &fetch_records, .read = audit_read_record};
    const struct store_value values[] = {store_time(f->from_us),   store_time(f->to_us),
                                         store_text(f->actor),     store_text(f->path_prefix),
                                         store_text(f->operation), store_int(f->result_from),
                                         store_int(f->result_to)};
    TRY(begin(s));
    TRY(reader_open(&r, &declare_picked, values, ARRAY_LEN(values)));
    TRY(drain(&r, sink, ctx));
    return session_commit(s);
}
