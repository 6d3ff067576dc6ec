// SPDX-License-Identifier: ISC
#include "vault/notify/tally.h"

#include <stdatomic.h>

#include "vault/base/clock.h"

static _Atomic int64_t outcomes[WIRE_OUTCOME_COUNT];
static _Atomic int64_t parked_total;

// Every credential is held against every notifier: a minute's old answer does.
#define UNOWNED_FRESH_US (60 * (int64_t)CLOCK_SECOND)
static _Atomic int64_t unowned_count;
static _Atomic int64_t unowned_until_us;

// Of a rotation_credential c: no notifier that is enabled and covers it would tell that its
// rotation is blocked, to its owner or to those who watch for him.
#define IS_UNOWNED                                                                                 \
    "NOT EXISTS (SELECT 1 FROM rotation_notifier f WHERE f.mount_id = c.mount_id AND f.enabled "   \
    "AND 'blocked' = ANY (f.events) AND rotation_covers(f, c.name, c.owner))"

static const struct store_statement count_all = {
    "notify.count", "SELECT (SELECT count(*) FROM rotation_delivery WHERE state = 'waiting'), "
                    "(SELECT count(*) FROM rotation_delivery WHERE state = 'parked'), "
                    "(SELECT coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::int8 "
                    "FROM rotation_delivery WHERE state = 'waiting'), "
                    "(SELECT count(*) FROM rotation_notifier WHERE NOT enabled)"};
static const struct store_statement count_unowned = {
    "notify.count_unowned", "SELECT count(*) FROM rotation_credential c WHERE " IS_UNOWNED};
static const struct store_statement list_notifiers = {
    "notify.status_notifiers",
    "SELECT f.name, f.type, f.enabled, f.failures, "
    "(SELECT count(*) FROM rotation_delivery d WHERE d.notifier_id = f.id AND d.state = "
    "'waiting'), "
    "(SELECT count(*) FROM rotation_delivery d WHERE d.notifier_id = f.id AND d.state = 'parked') "
    "FROM rotation_notifier f WHERE f.mount_id = $1 ORDER BY f.name LIMIT $2"};
static const struct store_statement list_unowned = {
    "notify.status_unowned", "SELECT c.name, c.owner, count(*) OVER () FROM rotation_credential c "
                             "WHERE c.mount_id = $1 AND " IS_UNOWNED " ORDER BY c.name LIMIT $2"};
static const struct store_statement count_expiring = {
    "notify.status_expiring",
    "SELECT count(*) FILTER (WHERE c.expires_at > clock_timestamp()), "
    "count(*) FILTER (WHERE c.expires_at <= clock_timestamp()) FROM rotation_credential c "
    "WHERE c.mount_id = $1 AND c.expires_at <= clock_timestamp() + interval '30 days'"};

void notify_tally(enum wire_outcome outcome, bool parked)
{
    atomic_fetch_add(&outcomes[outcome], 1);
    atomic_fetch_add(&parked_total, parked ? 1 : 0);
}

struct notify_tally_done notify_tally_done(void)
{
    struct notify_tally_done done = {.parked = atomic_load(&parked_total)};
    for (size_t i = 0; i < WIRE_OUTCOME_COUNT; i++) {
        done.outcomes[i] = atomic_load(&outcomes[i]);
    }
    return done;
}

static struct status read_unowned(struct session *s, int64_t *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    int64_t now_us = clock_monotonic_us();
    if (now_us >= atomic_load(&unowned_until_us)) {
        TRY(session_exec(s, &count_unowned, NULL, 0, &rows));
        atomic_store(&unowned_count, store_get_int(&rows, 0, 0));
        atomic_store(&unowned_until_us, now_us + UNOWNED_FRESH_US);
    }
    *out = atomic_load(&unowned_count);
    return OK_STATUS;
}

struct status notify_tally_read(struct session *s, struct notify_tally *out)
{
    int64_t unowned;
    TRY(read_unowned(s, &unowned));
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &count_all, NULL, 0, &rows));
    *out = (struct notify_tally){.waiting = store_get_int(&rows, 0, 0),
                                 .parked = store_get_int(&rows, 0, 1),
                                 .oldest_s = store_get_int(&rows, 0, 2),
                                 .disabled = store_get_int(&rows, 0, 3),
                                 .unowned = unowned};
    return OK_STATUS;
}

void notify_status_done(struct notify_status *s)
{
    store_rows_done(&s->notifiers);
    store_rows_done(&s->unowned);
}

struct status notify_status_read(struct operation *op, struct notify_status *out)
{
    struct store *st = op->worker->vault->store;
    struct store_rows dates CLEANUP(store_rows_done) = {0};
    const struct store_value mount = store_uuid(op->mount->id);
    const struct store_value all[] = {mount, store_int(LIMIT_LIST_PAGE)};
    const struct store_value some[] = {mount, store_int(NOTIFY_UNOWNED_MAX)};
    TRY(store_query(st, &list_notifiers, all, ARRAY_LEN(all), &out->notifiers));
    TRY(store_query(st, &list_unowned, some, ARRAY_LEN(some), &out->unowned));
    TRY(store_query(st, &count_expiring, &mount, 1, &dates));
    out->unowned_count = out->unowned.count > 0 ? store_get_int(&out->unowned, 0, 2) : 0;
    out->expiring = store_get_int(&dates, 0, 0);
    out->expired = store_get_int(&dates, 0, 1);
    return OK_STATUS;
}
