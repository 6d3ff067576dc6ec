// SPDX-License-Identifier: ISC
#include "vault/audit/log.h"

#include <stdlib.h>
#include <string.h>

#include "vault/audit/log_internal.h"
#include "vault/base/limits.h"

// Types are spelled out because the statement is prepared without them.
static const struct store_statement append_records = {
    "audit.append",
    "INSERT INTO audit_record (chain_id, seq, time, request_id, namespace_id, accessor, actor, "
    "auth_method, remote, operation, path, result, duration_us, effect, detail, hash) "
    "SELECT $1::int8, r.* FROM unnest($2::int8[], $3::timestamptz[], $4::uuid[], $5::int8[], "
    "$6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::int8[], "
    "$13::int8[], $14::bool[], $15::text[], $16::bytea[]) AS r"};
static const struct store_statement append_signature = {
    "audit.sign_batch", "SELECT audit_sign_batch($1::int8, $2::int8, $3::int8, $4::timestamptz, "
                        "$5::bytea, $6::int8, $7::bytea)"};
static const struct store_statement settle_effects = {
    "audit.settle_effects", "DELETE FROM effect WHERE request_id = ANY ($1::uuid[])"};

static const struct store_statement *const barrier_statements[] = {
    &append_records, &append_signature, &settle_effects, NULL};

enum { RECORD_COLUMNS = 15 }; // all but the chain

// The entries of one barrier.
struct audit_group {
    struct audit_waiter *waiters;
    size_t count;
    struct audit_head head;
};

void audit_log_free(struct audit_log *log)
{
    free(log);
}

struct status audit_log_new(const struct audit_log_options *options, struct audit_log **out)
{
    struct audit_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    log->options = *options;
    log->waiting_tail = &log->waiting;
    *out = log;
    return OK_STATUS;
}

void audit_log_attach(struct audit_log *log, struct batch *batch)
{
    log->batch = batch;
}

int64_t audit_log_chain(const struct audit_log *log)
{
    return log->chain_id;
}

int64_t audit_log_appended(const struct audit_log *log)
{
    return log->appended;
}

void audit_log_note_time(struct audit_log *log, int64_t database_now_us)
{
    log->database_time_us = database_now_us;
    log->noted_at_us = clock_monotonic_us();
}

int64_t audit_log_now_us(const struct audit_log *log)
{
    return log->database_time_us + (clock_monotonic_us() - log->noted_at_us);
}

struct status audit_append(struct audit_log *log, const struct audit_entry *entry)
{
    if (log->batch == NULL || !batch_connected(log->batch)) {
        FAIL(UNAVAILABLE, "the audit log can't be written: the database can't be reached");
    }
    if (log->waiting_count >= LIMIT_BATCH_QUEUE) {
        FAIL(UNAVAILABLE, "too many requests wait for the audit log");
    }
    struct audit_waiter w = {.entry = entry};
    *log->waiting_tail = &w;
    log->waiting_tail = &w.next;
    log->waiting_count++;
    batch_kick(log->batch);
    TRY(fiber_wait(&w.done, CLOCK_NEVER));
    return w.status;
}

static bool pending(void *ctx)
{
    const struct audit_log *log = ctx;
    return log->waiting != NULL;
}

// Takes up to LIMIT_AUDIT_BATCH entries off the queue.
static void take_waiting(struct audit_log *log, struct audit_group *group)
{
    struct audit_waiter **end = &log->waiting;
    while (*end != NULL && group->count < LIMIT_AUDIT_BATCH) {
        end = &(*end)->next;
        group->count++;
    }
    group->waiters = log->waiting;
    log->waiting = *end;
    *end = NULL;
    log->waiting_count -= group->count;
    if (log->waiting == NULL) {
        log->waiting_tail = &log->waiting;
    }
}

// Text that isn't UTF-8 can't be stored; what reaches an entry was checked before, or is replaced.
static struct store_value safe_text(struct str s)
{
    return store_text(str_is_text(s) ? s : STR("(not UTF-8)"));
}

static void fill_row(struct store_value *columns[RECORD_COLUMNS], size_t row, int64_t seq,
                     const struct audit_entry *e, const struct digest *hash)
{
    const struct store_value values[RECORD_COLUMNS] = {
        store_int(seq),           store_time(e->time_us),      store_uuid(e->request_id),
        store_int(e->namespace_id), safe_text(e->accessor),    safe_text(e->actor),
        safe_text(e->auth_method), safe_text(e->remote),       safe_text(e->operation),
        safe_text(e->path),       store_int(e->result),        store_int(e->duration_us),
        store_bool(e->effect),    safe_text(e->detail),        store_bytea(digest_bytes(hash)),
    };
    for (size_t c = 0; c < RECORD_COLUMNS; c++) {
        columns[c][row] = values[c];
    }
}

static struct audit_entry timed(const struct audit_log *log, const struct audit_entry *e)
{
    struct audit_entry copy = *e;
    if (copy.time_us == 0) {
        copy.time_us = audit_log_now_us(log);
    }
    return copy;
}

// Chains the group's records and hands them to the segment as arrays, one per column.
static struct status send_records(struct audit_log *log, struct audit_group *group,
                                  struct batch_segment *segment, struct store_value *cells,
                                  struct digest *hashes)
{
    static const enum store_type types[RECORD_COLUMNS] = {
        STORE_INT8, STORE_TIME, STORE_UUID, STORE_INT8, STORE_TEXT, STORE_TEXT, STORE_TEXT,
        STORE_TEXT, STORE_TEXT, STORE_TEXT, STORE_INT8, STORE_INT8, STORE_BOOL, STORE_TEXT,
        STORE_BYTEA};
    struct store_value *columns[RECORD_COLUMNS];
    struct store_value params[RECORD_COLUMNS + 1] = {store_int(log->chain_id)};
    for (size_t c = 0; c < RECORD_COLUMNS; c++) {
        columns[c] = cells + c * group->count;
        params[c + 1] = store_array(types[c], columns[c], group->count);
    }
    size_t row = 0;
    for (struct audit_waiter *w = group->waiters; w != NULL; w = w->next, row++) {
        struct audit_entry e = timed(log, w->entry);
        group->head.seq++;
        group->head.hash =
            audit_entry_hash(group->head.hash, log->chain_id, group->head.seq, &e);
        hashes[row] = group->head.hash;
        fill_row(columns, row, group->head.seq, &e, &hashes[row]);
    }
    TRY(batch_segment_add(segment, &append_records, params, ARRAY_LEN(params)));
    // The request ids are the third column.
    return batch_segment_add(segment, &settle_effects, &params[3], 1);
}

static struct status send_signature(struct audit_log *log, const struct audit_group *group,
                                    struct batch_segment *segment)
{
    int64_t first = group->head.seq - (int64_t)group->count + 1;
    struct audit_signature signature;
    TRY(audit_sign(log->options.signer,
                   audit_batch_digest(log->chain_id, first, group->head.seq, group->head.hash),
                   &signature));
    const struct store_value values[] = {store_int(log->chain_id),
                                         store_int(first),
                                         store_int(group->head.seq),
                                         store_time(audit_log_now_us(log)),
                                         store_bytea(digest_bytes(&group->head.hash)),
                                         store_int(signature.key_number),
                                         store_bytea(BYTES_OF(signature.octets))};
    return batch_segment_add(segment, &append_signature, values, ARRAY_LEN(values));
}

static struct status send_group(struct audit_log *log, struct audit_group *group,
                                struct batch_segment *segment)
{
    struct store_value *cells = calloc(group->count * RECORD_COLUMNS, sizeof *cells);
    struct digest *hashes = calloc(group->count, sizeof *hashes);
    struct status s = cells == NULL || hashes == NULL ? MAKE_STATUS(NOMEM, "out of memory")
                                                      : send_records(log, group, segment, cells,
                                                                     hashes);
    free(cells);
    free(hashes);
    TRY(s);
    return send_signature(log, group, segment);
}

static void finish_group(struct audit_group *group, struct status outcome)
{
    struct audit_waiter *w = group->waiters;
    while (w != NULL) {
        struct audit_waiter *next = w->next;
        w->status = outcome;
        fiber_signal(&w->done);
        w = next;
    }
    free(group);
}

static struct status build(void *ctx, struct batch_segment *segment, void **out)
{
    struct audit_log *log = ctx;
    struct audit_group *group = calloc(1, sizeof *group);
    if (group == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    take_waiting(log, group);
    group->head = log->head;
    struct status s = send_group(log, group, segment);
    if (!status_ok(s)) {
        finish_group(group, s);
        return s;
    }
    log->head = group->head;
    REQUIRE(log->known_count < AUDIT_HEADS_MAX);
    log->known[log->known_count++] = group->head;
    *out = group;
    return OK_STATUS;
}

static void done(void *ctx, void *opaque, struct status outcome)
{
    struct audit_log *log = ctx;
    struct audit_group *group = opaque;
    if (status_ok(outcome)) {
        // Replies come in order: the oldest head is superseded by this one.
        log->known_count--;
        memmove(log->known, log->known + 1, log->known_count * sizeof log->known[0]);
        log->appended += (int64_t)group->count;
    }
    finish_group(group, outcome);
}

const struct batch_barrier *audit_log_barrier(void)
{
    static const struct batch_barrier barrier = {
        .connected = audit_handover,
        .pending = pending,
        .build = build,
        .done = done,
        .statements = barrier_statements,
    };
    return &barrier;
}
