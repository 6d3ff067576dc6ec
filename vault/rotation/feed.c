// SPDX-License-Identifier: ISC
#include "vault/rotation/feed.h"

#include <stdlib.h>

#include "vault/base/limits.h"
#include "vault/base/log.h"

enum {
    ROUND_US = CLOCK_SECOND / 5,
    ROUND_SOON_US = CLOCK_SECOND / 50, // while another node gives out places
    LOOK_ALL_US = 10 * CLOCK_SECOND,   // in case something was passed over
    BUCKETS = 1024,
    EVENTS_MAX = 500,
    SPREAD_MAX = 500,
    LOOKS_MAX = 500, // credentials in one query
    MOUNT_AT = 1,
    CREDENTIAL_AT = 2,
    VERSION_AT = 3,
    IS_ROTATED_AT = 4,
};

LIST_HEAD(waiter_list, feed_waiter);

// Invariant: the watcher's fiber runs exactly while `watched`.
struct feed {
    struct worker *worker;
    bool watched;
    bool stopping;
    size_t count;
    int64_t place;            // what was seen; -1 before the first round
    int64_t look_all_us;      // when all of them are fresh again
    struct fiber_event hurry; // the watcher's sleep ends
    struct fiber_event ended; // of the watcher, once stopping
    struct waiter_list waiters[BUCKETS];
};

static struct feed *feeds[LIMIT_WORKERS];
static _Atomic size_t waiting[2]; // on this node, by kind

// A notice without a place comes first, as a row without one.
static const struct store_statement find_news = {
    "feed.news",
    "SELECT * FROM (SELECT NULL::int8 AS place, mount_id, credential_id, version, false "
    "FROM rotation_notice WHERE NOT spread ORDER BY seq LIMIT 1) AS unplaced UNION ALL "
    "SELECT * FROM (SELECT place, mount_id, credential_id, version, event = 'rotated' "
    "FROM rotation_notice WHERE place > $1 ORDER BY place LIMIT $2) AS placed"};
static const struct store_statement give_places = {"feed.spread",
                                                   "SELECT rotation_notice_spread($1)"};
static const struct store_statement find_versions = {
    "feed.versions", "SELECT q.id, coalesce(c.current_version, -1) FROM unnest($1) AS q(id) "
                     "LEFT JOIN rotation_credential c ON c.id = q.id"};

static const struct store_statement find_newest = {
    "feed.newest", "SELECT coalesce(max(place), 0) FROM rotation_notice WHERE place IS NOT NULL"};
_Static_assert(FEED_PAGE == 32, "as in the statement");
const struct batch_load feed_load_notices = {
    .statement = {"feed.notices",
                  "SELECT q.n, n.place, " NOTICE_COLUMNS " FROM unnest($1, $2) WITH ORDINALITY "
                  "AS q(mount_id, place, n) CROSS JOIN LATERAL (SELECT * FROM rotation_notice r "
                  "WHERE r.mount_id = q.mount_id AND r.place > q.place ORDER BY r.place LIMIT 32) "
                  "AS n ORDER BY q.n, n.place"},
    .key_count = 2,
    .key_types = {STORE_UUID, STORE_INT8},
};

// Ids are random at their end.
static struct waiter_list *bucket_of(struct feed *f, struct uuid subject)
{
    unsigned number = (unsigned)subject.octets[14] << 8 | subject.octets[15];
    return &f->waiters[number % BUCKETS];
}

static bool must_end(const struct feed *f)
{
    return f->stopping || vault_state(f->worker->vault) != VAULT_UNSEALED;
}

static void wake_all(struct feed *f)
{
    struct feed_waiter *waiter;
    for (size_t i = 0; i < BUCKETS; i++) {
        LIST_FOREACH(waiter, &f->waiters[i], entry)
        {
            fiber_signal(&waiter->woken);
        }
    }
}

static void wake(struct feed *f, enum feed_kind kind, struct uuid subject, int64_t version)
{
    struct feed_waiter *waiter;
    LIST_FOREACH(waiter, bucket_of(f, subject), entry)
    {
        bool meant = waiter->kind == kind && uuid_equal(waiter->subject, subject);
        if (meant && (kind == FEED_NOTICES || waiter->version != version)) {
            fiber_signal(&waiter->woken);
        }
    }
}

// ---- what has got a place

static struct status spread(struct worker *w)
{
    const struct store_value most[] = {store_int(SPREAD_MAX)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    return store_query(w->vault->store, &give_places, most, ARRAY_LEN(most), &rows);
}

struct status feed_newest(struct worker *w, int64_t *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(spread(w));
    TRY(store_query(w->vault->store, &find_newest, NULL, 0, &rows));
    *out = store_get_int(&rows, 0, 0);
    return OK_STATUS;
}

static struct status begin(struct feed *f)
{
    TRY(feed_newest(f->worker, &f->place));
    f->look_all_us = clock_monotonic_us() + LOOK_ALL_US;
    return OK_STATUS;
}

static void take_event(struct feed *f, const struct store_rows *rows, int row)
{
    f->place = store_get_int(rows, row, 0);
    wake(f, FEED_NOTICES, store_get_uuid(rows, row, MOUNT_AT), 0);
    if (store_get_bool(rows, row, IS_ROTATED_AT)) {
        wake(f, FEED_VERSION, store_get_uuid(rows, row, CREDENTIAL_AT),
             store_get_int(rows, row, VERSION_AT));
    }
}

static struct status read_news(struct feed *f, bool *out_unplaced, bool *out_more)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(f->place), store_int(EVENTS_MAX)};
    TRY(store_query(f->worker->vault->store, &find_news, values, ARRAY_LEN(values), &rows));
    *out_unplaced = false;
    *out_more = rows.count >= EVENTS_MAX;
    for (int row = 0; row < rows.count; row++) {
        if (store_get_null(&rows, row, 0)) {
            *out_unplaced = true;
        } else {
            take_event(f, &rows, row);
        }
    }
    return OK_STATUS;
}

static struct status read_all_news(struct feed *f, bool *out_more)
{
    bool unplaced;
    TRY(read_news(f, &unplaced, out_more));
    if (!unplaced) {
        return OK_STATUS;
    }
    TRY(spread(f->worker));
    TRY(read_news(f, &unplaced, out_more));
    *out_more = *out_more || unplaced;
    return OK_STATUS;
}

// ---- what came before who waits for it

struct looks {
    struct store_value ids[LOOKS_MAX];
    size_t count;
    bool more;
};

static void add_look(struct looks *l, struct feed_waiter *waiter)
{
    if (waiter->kind == FEED_NOTICES) {
        waiter->fresh = false;
        fiber_signal(&waiter->woken);
        return;
    }
    // Those of one credential stand together, as a rule.
    if (l->count > 0 && uuid_equal(l->ids[l->count - 1].uuid, waiter->subject)) {
        waiter->fresh = false;
    } else if (l->count < LOOKS_MAX) {
        waiter->fresh = false;
        l->ids[l->count++] = store_uuid(waiter->subject);
    } else {
        l->more = true;
    }
}

static void collect(struct feed *f, struct looks *out)
{
    struct feed_waiter *waiter;
    bool all = clock_monotonic_us() >= f->look_all_us;
    if (all) {
        f->look_all_us = clock_monotonic_us() + LOOK_ALL_US;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        LIST_FOREACH(waiter, &f->waiters[i], entry)
        {
            waiter->fresh = waiter->fresh || (all && waiter->kind == FEED_VERSION);
            if (waiter->fresh) {
                add_look(out, waiter);
            }
        }
    }
}

static struct status look(struct feed *f, const struct looks *l)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_array(STORE_UUID, l->ids, l->count)};
    if (l->count == 0) {
        return OK_STATUS;
    }
    TRY(store_query(f->worker->vault->store, &find_versions, values, ARRAY_LEN(values), &rows));
    for (int row = 0; row < rows.count; row++) {
        wake(f, FEED_VERSION, store_get_uuid(&rows, row, 0), store_get_int(&rows, row, 1));
    }
    return OK_STATUS;
}

static struct status look_at_fresh(struct feed *f, bool *out_more)
{
    struct looks *l = calloc(1, sizeof *l);
    if (l == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    collect(f, l);
    struct status s = look(f, l);
    *out_more = *out_more || l->more;
    free(l);
    if (!status_ok(s)) {
        f->look_all_us = 0; // what wasn't told isn't fresh any more
    }
    return s;
}

// ---- the watcher

static struct status run_round(struct feed *f, bool *out_more)
{
    if (f->place < 0) {
        TRY(begin(f));
    }
    TRY(read_all_news(f, out_more));
    return look_at_fresh(f, out_more);
}

static int64_t try_round(struct feed *f)
{
    bool more = false;
    if (f->worker->batch == NULL || must_end(f)) {
        wake_all(f);
        return ROUND_US;
    }
    f->worker->operations++;
    struct status s = run_round(f, &more);
    f->worker->operations--;
    if (!status_ok(s)) {
        log_repeated(LOG_WARN, "feed.round_failed", LOG_STATUS(s));
    }
    return status_ok(s) && more ? ROUND_SOON_US : ROUND_US;
}

static void watch(void *arg)
{
    struct feed *f = arg;
    while (f->count > 0 && !f->stopping) {
        int64_t next_us = clock_monotonic_us() + try_round(f);
        status_ignore(fiber_wait(&f->hurry, next_us));
        f->hurry = (struct fiber_event){0};
    }
    f->watched = false;
    fiber_signal(&f->ended);
}

static struct status start_watching(struct feed *f)
{
    if (f->watched) {
        return OK_STATUS;
    }
    f->place = -1;
    TRY(fiber_start(f->worker->loop, watch, f));
    f->watched = true;
    return OK_STATUS;
}

// ---- who waits

static struct feed *feed_of(struct worker *w)
{
    struct feed **f = &feeds[w->number];
    if (*f == NULL) {
        *f = calloc(1, sizeof **f);
        if (*f != NULL) {
            (*f)->worker = w;
        }
    }
    return *f;
}

static struct status take_place(enum feed_kind kind)
{
    static const size_t limits[] = {
        [FEED_VERSION] = LIMIT_FEED_POLLS, [FEED_NOTICES] = LIMIT_FEED_STREAMS};
    if (atomic_fetch_add(&waiting[kind], 1) < limits[kind]) {
        return OK_STATUS;
    }
    atomic_fetch_sub(&waiting[kind], 1);
    FAIL(LIMIT, "as many as may are waiting on this node already, try again later");
}

struct status feed_join(struct worker *w, struct feed_waiter *waiter)
{
    struct feed *f = feed_of(w);
    if (f == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    if (f->stopping) {
        FAIL(UNAVAILABLE, "shutting down");
    }
    TRY(start_watching(f));
    TRY(take_place(waiter->kind));
    waiter->woken = (struct fiber_event){0};
    waiter->fresh = true;
    waiter->feed = f;
    f->count++;
    LIST_INSERT_HEAD(bucket_of(f, waiter->subject), waiter, entry);
    return OK_STATUS;
}

struct status feed_running(const struct feed_waiter *waiter)
{
    const struct feed *f = waiter->feed;
    if (vault_state(f->worker->vault) != VAULT_UNSEALED) {
        FAIL(SEALED, "the vault was sealed meanwhile");
    }
    if (f->stopping) {
        FAIL(UNAVAILABLE, "shutting down");
    }
    return OK_STATUS;
}

struct status feed_wait(struct feed_waiter *waiter, int64_t until_us)
{
    struct status s = fiber_wait(&waiter->woken, until_us);
    waiter->woken = (struct fiber_event){0};
    TRY(feed_running(waiter));
    return s;
}

void feed_leave(struct feed_waiter *waiter)
{
    if (waiter->feed != NULL) {
        LIST_REMOVE(waiter, entry);
        waiter->feed->count--;
        waiter->feed = NULL;
        atomic_fetch_sub(&waiting[waiter->kind], 1);
    }
}

size_t feed_waiting(enum feed_kind kind)
{
    return atomic_load(&waiting[kind]);
}

void feed_stop(struct worker *w)
{
    struct feed *f = feed_of(w);
    if (f != NULL) {
        f->stopping = true;
        wake_all(f);
        fiber_signal(&f->hurry);
    }
}

void feed_end(struct worker *w)
{
    struct feed *f = feeds[w->number];
    if (f != NULL && f->watched) {
        f->ended = (struct fiber_event){0};
        status_ignore(fiber_wait(&f->ended, CLOCK_NEVER)); // can't time out
    }
}

void feed_free(struct worker *w)
{
    free(feeds[w->number]);
    feeds[w->number] = NULL;
}
