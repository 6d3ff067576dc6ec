// SPDX-License-Identifier: ISC
#include "vault/audit/log.h"

#include <stdlib.h>
#include <string.h>

#include "vault/audit/log_internal.h"
#include "vault/base/limits.h"
#include "vault/base/log.h"

// Types are spelled out because the statement is prepared without them.
static const struct store_statement append_batch = {
    "audit.append", "SELECT audit_append($1::int8, $2::int8, $3::timestamptz, $4::audit_line[], "
                    "$5::uuid[], $6::int8, $7::bytea)"};

static const struct store_statement *const barrier_statements[] = {&append_batch, NULL};
// Under another name than the handover's, which the same connection has already prepared.
static const struct store_statement close_own_chain = {"audit.close_own_chain",
                                                       AUDIT_CLOSE_CHAIN_SQL};

enum {
    LINE_FIELDS = 13, // of audit_line: what differs between the records of a batch
    GROUP_LINES_MAX = 64 * 1024 * 1024,
    CLOSE_POLL_US = 1000,
    RECORD_WAIT_US =
        (LIMIT_SILENCE_S + 5) * CLOCK_SECOND, // a flight that is lost, and a new connection
};

// The entries of one barrier.
struct audit_group {
    struct audit_waiter *waiters;
    size_t count;
    int64_t time_us;
    struct audit_head head;
    bool has_lines;
    struct buffer lines; // the same for the further sinks
};

void audit_log_free(struct audit_log *log)
{
    if (log != NULL) {
        audit_budget_free(log->budget);
        free(log);
    }
}

struct status audit_log_new(const struct audit_log_options *options, struct audit_log **out)
{
    struct audit_log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    log->options = *options;
    log->waiting_tail = &log->waiting;
    log->budget = audit_budget_new();
    if (log->budget == NULL) {
        free(log);
        FAIL(NOMEM, "out of memory");
    }
    *out = log;
    return OK_STATUS;
}

int64_t audit_log_chain(const struct audit_log *log)
{
    return log->chain_id;
}

struct audit_sinks *audit_log_sinks(const struct audit_log *log)
{
    return log->options.sinks;
}

struct audit_log_stats audit_log_stats(const struct audit_log *log)
{
    struct audit_log_stats stats = log->stats;
    stats.waiting = (int64_t)log->waiting_count;
    return stats;
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

static bool belongs_elsewhere(const struct audit_log *log, const struct audit_entry *e)
{
    return e->effect && e->effect_chain != log->chain_id;
}

// False when it is on its way, or done.
static bool take_back(struct audit_log *log, const struct audit_waiter *w)
{
    struct audit_waiter **at = &log->waiting;
    while (*at != NULL && *at != w) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return false;
    }
    *at = w->next;
    if (*at == NULL) {
        log->waiting_tail = at;
    }
    log->waiting_count--;
    log->bound_count -= w->entry->effect;
    return true;
}

// A record waits for a connection that was lost, but not for as long as the database is away.
static struct status wait_for_record(struct audit_log *log, struct audit_waiter *w)
{
    struct status waited = fiber_wait(&w->done, clock_monotonic_us() + RECORD_WAIT_US);
    if (status_ok(waited)) {
        return w->status;
    }
    if (take_back(log, w)) {
        FAIL(UNAVAILABLE, "the audit log can't be written: the database can't be reached");
    }
    TRY(fiber_wait(&w->done, CLOCK_NEVER));
    return w->status;
}

struct status audit_append(struct audit_log *log, const struct audit_entry *entry)
{
    if (log->batch == NULL || log->closing || !batch_connected(log->batch)) {
        FAIL(UNAVAILABLE, "the audit log can't be written: the database can't be reached");
    }
    if (belongs_elsewhere(log, entry)) {
        FAIL(UNAVAILABLE, "the connection to the database was lost");
    }
    if (log->waiting_count >= LIMIT_BATCH_QUEUE) {
        FAIL(UNAVAILABLE, "too many requests wait for the audit log");
    }
    struct audit_waiter w = {.entry = entry};
    *log->waiting_tail = &w;
    log->waiting_tail = &w.next;
    log->waiting_count++;
    log->bound_count += entry->effect;
    batch_kick(log->batch);
    return wait_for_record(log, &w);
}

// Those that waited while the chain was replaced under them, or all.
static void refuse_waiting(struct audit_log *log, bool all)
{
    struct audit_waiter **at = &log->waiting;
    while (*at != NULL) {
        struct audit_waiter *w = *at;
        if (!all && !belongs_elsewhere(log, w->entry)) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        log->waiting_count--;
        log->bound_count -= w->entry->effect;
        w->status = MAKE_STATUS(UNAVAILABLE, "the connection to the database was lost");
        fiber_signal(&w->done);
    }
    log->waiting_tail = at;
}

void audit_log_attach(struct audit_log *log, struct batch *batch)
{
    log->batch = batch;
    log->closing = false;
    if (batch == NULL) {
        refuse_waiting(log, true);
    }
}

static size_t pending(void *ctx)
{
    struct audit_log *log = ctx;
    if (log->bound_count > 0) {
        refuse_waiting(log, false);
    }
    return log->waiting_count;
}

// Takes up to LIMIT_AUDIT_BATCH entries off the queue.
static void take_waiting(struct audit_log *log, struct audit_group *group)
{
    struct audit_waiter **end = &log->waiting;
    while (*end != NULL && group->count < LIMIT_AUDIT_BATCH) {
        log->bound_count -= (*end)->entry->effect;
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

static void fill_line(struct store_value cells[LINE_FIELDS], const struct audit_entry *e,
                      const struct digest *hash)
{
    const struct store_value values[LINE_FIELDS] = {
        store_uuid(e->request_id),
        store_int(e->namespace_id),
        store_text(e->accessor),
        store_text(e->actor),
        store_text(e->auth_method),
        store_text(e->remote),
        store_text(e->operation),
        store_text(e->path),
        store_int(e->result),
        store_int(e->duration_us),
        store_bool(e->effect),
        store_text(e->detail),
        store_bytea(digest_bytes(hash)),
    };
    memcpy(cells, values, sizeof values);
}

// Text that isn't UTF-8 can't be stored; what reaches an entry was checked before, or is replaced.
static struct str safe_text(struct str s)
{
    return str_is_text(s) ? s : STR("(not UTF-8)");
}

// What is stored, which is what is hashed.
static struct audit_entry stored_form(const struct audit_entry *e, int64_t now_us)
{
    struct audit_entry copy = *e;
    copy.time_us = now_us;
    copy.accessor = safe_text(e->accessor);
    copy.actor = safe_text(e->actor);
    copy.auth_method = safe_text(e->auth_method);
    copy.remote = safe_text(e->remote);
    copy.operation = safe_text(e->operation);
    copy.path = safe_text(e->path);
    copy.detail = safe_text(e->detail);
    return copy;
}

// A batch on its way.
struct parcel {
    struct store_value *lines;   // LINE_FIELDS for each record
    struct store_value *settled; // the requests whose effects are recorded with this
    size_t settled_count;
    struct digest *hashes;
    struct audit_signature signature;
};

static void fill_lines(const struct audit_log *log, struct audit_group *group, struct parcel *p)
{
    size_t row = 0;
    for (struct audit_waiter *w = group->waiters; w != NULL; w = w->next, row++) {
        struct audit_entry e = stored_form(w->entry, group->time_us);
        group->head.seq++;
        group->head.hash = audit_entry_hash(group->head.hash, log->chain_id, group->head.seq, &e);
        p->hashes[row] = group->head.hash;
        fill_line(p->lines + row * LINE_FIELDS, &e, &p->hashes[row]);
        if (e.effect) {
            p->settled[p->settled_count++] = store_uuid(e.request_id);
        }
        if (group->has_lines) {
            audit_sinks_write_line(&group->lines, log->chain_id, group->head.seq, &e,
                                   group->head.hash);
        }
    }
}

static struct status send_parcel(struct audit_log *log, const struct audit_group *group,
                                 int64_t first_seq, const struct parcel *p,
                                 struct batch_segment *segment)
{
    const struct store_row_type line = {.oid = log->line_type, .fields = LINE_FIELDS};
    const struct store_value params[] = {
        store_int(log->chain_id),
        store_int(first_seq),
        store_time(group->time_us),
        store_row_array(line, p->lines, group->count),
        store_array(STORE_UUID, p->settled, p->settled_count),
        store_int(p->signature.key_number),
        store_bytea(BYTES_OF(p->signature.octets)),
    };
    return batch_segment_add(segment, &append_batch, params, ARRAY_LEN(params));
}

// Chains the group's records, signs the new head, sends both.
static struct status chain_and_send(struct audit_log *log, struct audit_group *group,
                                    struct parcel *p, struct batch_segment *segment)
{
    struct audit_batch_head what = {
        .chain_id = log->chain_id, .first_seq = group->head.seq + 1, .time_us = group->time_us};
    fill_lines(log, group, p);
    what.last_seq = group->head.seq;
    what.head = group->head.hash;
    TRY(audit_sign(log->options.signer, audit_batch_digest(&what), &p->signature));
    return send_parcel(log, group, what.first_seq, p, segment);
}

static struct status send_group(struct audit_log *log, struct audit_group *group,
                                struct batch_segment *segment)
{
    struct parcel p = {.lines = calloc(group->count * LINE_FIELDS, sizeof *p.lines),
                       .settled = calloc(group->count, sizeof *p.settled),
                       .hashes = calloc(group->count, sizeof *p.hashes)};
    struct status s = p.lines == NULL || p.settled == NULL || p.hashes == NULL
                          ? MAKE_STATUS(NOMEM, "out of memory")
                          : chain_and_send(log, group, &p, segment);
    free(p.lines);
    free(p.settled);
    free(p.hashes);
    return s;
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
    buffer_done(&group->lines);
    free(group);
}

// The database's clock as far as this worker knows it, but never before what was sent.
static int64_t next_time_us(const struct audit_log *log)
{
    int64_t now_us = audit_log_now_us(log);
    return now_us > log->last_time_us ? now_us : log->last_time_us;
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
    group->time_us = next_time_us(log);
    group->has_lines = audit_sinks_wanted(log->options.sinks);
    buffer_init(&group->lines, GROUP_LINES_MAX);
    struct status s = send_group(log, group, segment);
    if (!status_ok(s)) {
        finish_group(group, s);
        return s;
    }
    log->head = group->head;
    log->last_time_us = group->time_us;
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
        log->stats.appended += (int64_t)group->count;
        if (group->has_lines) {
            audit_sinks_put(log->options.sinks, &group->lines, group->count);
        }
    }
    finish_group(group, outcome);
}

static bool quiet(const struct audit_log *log)
{
    return log->waiting == NULL && log->known_count == 1;
}

void audit_log_close(struct audit_log *log)
{
    audit_admission_end(log);
    log->closing = true;
    while (log->batch != NULL && batch_connected(log->batch) && !quiet(log)) {
        fiber_sleep_until(clock_monotonic_us() + CLOSE_POLL_US);
    }
    if (log->batch == NULL || !batch_connected(log->batch) || log->chain_id == 0) {
        return;
    }
    // Behind every barrier in the same connection: what it says of the chain is true.
    const struct audit_head head = log->head;
    const struct store_value values[] = {store_int(log->chain_id), store_int(head.seq),
                                         store_bytea(digest_bytes(&head.hash))};
    struct batch_op op CLEANUP(batch_op_done) = {0};
    batch_write(log->batch, &close_own_chain, values, ARRAY_LEN(values), &op);
    struct status closed = batch_wait(&op);
    if (!status_ok(closed)) {
        log_event(LOG_WARN, "audit.close_failed", LOG_INT("chain", log->chain_id),
                  LOG_STATUS(closed));
    }
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
