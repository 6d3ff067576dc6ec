// SPDX-License-Identifier: ISC
#include "vault/notify/delivery.h"

#include "vault/crypto/random.h"
#include "vault/notify/tally.h"

enum {
    SPREAD_MAX = 500,
    PRUNE_MAX = 5000,
    BACKOFF_SHIFT_MAX = 12,
    RETRY_MAX_S = 1800, // of one delivery
    HOLD_MAX_S = 300,   // of a notifier that can't be reached
    ARENA_BYTES = 256 * 1024,
};

static const struct store_statement spread = {"notify.spread", "SELECT rotation_notice_spread($1)"};
static const struct store_statement claim = {
    "notify.claim", "SELECT * FROM rotation_delivery_claim($1, $2, $3, $4, $5)"};
// $4: new state, $5 wait for the next try, $8 the age at which it is set aside.
static const struct store_statement finish = {
    "notify.finish",
    "UPDATE rotation_delivery SET state = CASE WHEN $4 = 'waiting' AND "
    "since < clock_timestamp() - $8 * interval '1 second' THEN 'parked' ELSE $4 END, "
    "done_at = CASE WHEN $4 <> 'waiting' OR since < clock_timestamp() - $8 * interval '1 second' "
    "THEN clock_timestamp() ELSE done_at END, tries = tries + 1, "
    "next_try_at = clock_timestamp() + least($5::int8 * (1 << least(tries, 12)::int4), $9) * "
    "interval '1 microsecond' / 2 * (1 + random()), "
    "lease_until = to_timestamp(0), status = $6, error = $7 "
    "WHERE notifier_id = $1 AND notice_id = $2 AND fence = $3 AND state = 'waiting' "
    "RETURNING state"};
static const struct store_statement release = {
    "notify.release",
    "UPDATE rotation_delivery SET lease_until = to_timestamp(0) "
    "WHERE notifier_id = $1 AND notice_id = $2 AND fence = $3 AND state = 'waiting'"};
static const struct store_statement reached = {
    "notify.reached", "UPDATE rotation_notifier SET failures = 0, hold_until = to_timestamp(0) "
                      "WHERE id = $1 AND failures > 0"};
static const struct store_statement hold = {
    "notify.hold", "UPDATE rotation_notifier SET failures = $2, "
                   "hold_until = clock_timestamp() + $3 * interval '1 microsecond' WHERE id = $1"};
static const struct store_statement prune = {"notify.prune",
                                             "SELECT rotation_notice_prune($1, $2, $3)"};
static const struct store_statement list_deliveries = {
    "notify.deliveries",
    "SELECT d.seq, n.id, n.credential, n.event, n.version, d.state, d.tries, d.status, d.error, "
    "n.time, d.next_try_at, d.done_at FROM rotation_delivery d "
    "JOIN rotation_notice n ON n.id = d.notice_id "
    "WHERE d.notifier_id = $1 AND d.seq > $2 AND ($3 = '' OR d.state = $3) "
    "ORDER BY d.seq LIMIT $4"};
static const struct store_statement replay = {
    "notify.replay",
    "WITH wanted AS MATERIALIZED (SELECT n FROM rotation_notice n, rotation_notifier f "
    "WHERE f.id = $1 AND n.mount_id = f.mount_id AND n.time >= $2 AND n.time <= $3 "
    "AND ($4 = '' OR n.credential = $4) AND n.event = ANY (f.events) AND n.spread "
    "AND rotation_covers(f, n.credential, n.owner) AND (NOT $5 OR EXISTS ("
    "SELECT 1 FROM rotation_delivery d WHERE d.notifier_id = f.id AND d.notice_id = n.id "
    "AND d.state = 'parked')) ORDER BY n.seq LIMIT $6) "
    "SELECT coalesce(sum(rotation_delivery_put($1, w.n)), 0)::int8, count(*) FROM wanted w"};

// ---- claiming

static struct status round_work(struct session *s, void *arg)
{
    struct delivery_round *round = arg;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value most[] = {store_int(SPREAD_MAX)};
    const struct store_value values[] = {
        store_text(round->node), store_int(DELIVERY_LEASE_S * (int64_t)CLOCK_SECOND),
        store_int(DELIVERY_CLAIMS_MAX), store_int(DELIVERY_EACH_MAX),
        store_array(STORE_UUID, round->busy, round->busy_count)};
    TRY(session_exec(s, &spread, most, ARRAY_LEN(most), NULL));
    TRY(session_exec(s, &claim, values, ARRAY_LEN(values), &rows));
    round->count = 0;
    for (int row = 0; row < rows.count && row < DELIVERY_CLAIMS_MAX; row++) {
        round->claims[round->count++] =
            (struct delivery_claim){.notifier = store_get_uuid(&rows, row, 0),
                                    .notice = store_get_uuid(&rows, row, 1),
                                    .fence = store_get_int(&rows, row, 2)};
    }
    return OK_STATUS;
}

struct status delivery_round(struct store *st, struct delivery_round *round)
{
    return store_transact(st, round_work, round);
}

// ---- ending

struct finish_job {
    const struct keyring *keyring;
    const struct delivery_end *end;
    bool parked;
};

// Doubled with every failure, and anything between half of it and all of it.
static int64_t hold_us(const struct delivery_end *end)
{
    int64_t shift = end->failures < BACKOFF_SHIFT_MAX ? end->failures : BACKOFF_SHIFT_MAX;
    int64_t most_s = (int64_t)1 << shift;
    most_s = most_s < HOLD_MAX_S ? most_s : HOLD_MAX_S;
    uint32_t random;
    random_fill((uint8_t *)&random, sizeof random);
    int64_t us = most_s * CLOCK_SECOND / 2;
    us += (int64_t)random % us;
    int64_t asked_us = end->result->retry_s * CLOCK_SECOND;
    return us > asked_us ? us : asked_us;
}

static struct status disable(struct session *s, const struct finish_job *job)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ARENA_BYTES);
    struct notifier_found found CLEANUP(notifier_found_done) = {0};
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(notifier_load(s, job->keyring, job->end->claim->notifier, arena, &found));
    found.notifier.enabled = false;
    found.notifier.disabled_reason = STR("the receiver answered 410: it wants no more");
    return notifier_put(s, job->keyring, &found.notifier);
}

static struct status judge_notifier(struct session *s, const struct finish_job *job)
{
    const struct delivery_end *end = job->end;
    const struct store_value key = store_uuid(end->claim->notifier);
    switch (end->result->outcome) {
    case WIRE_DELIVERED:
    case WIRE_FAILED:
    case WIRE_REFUSED:
        return session_exec(s, &reached, &key, 1, NULL);
    case WIRE_UNREACHABLE: {
        const struct store_value values[] = {key, store_int(end->failures + 1),
                                             store_int(hold_us(end))};
        return session_exec(s, &hold, values, ARRAY_LEN(values), NULL);
    }
    case WIRE_GONE:
        return disable(s, job);
    case WIRE_OUTCOME_COUNT:
        break;
    }
    return OK_STATUS;
}

static struct str state_after(enum wire_outcome outcome)
{
    if (outcome == WIRE_DELIVERED) {
        return STR("delivered");
    }
    return outcome == WIRE_REFUSED ? STR("parked") : STR("waiting");
}

static struct status finish_work(struct session *s, void *arg)
{
    struct finish_job *job = arg;
    const struct delivery_claim *c = job->end->claim;
    const struct wire_result *r = job->end->result;
    // What the whole notifier is held up for doesn't count for the one that found out.
    int64_t base_us = r->outcome == WIRE_UNREACHABLE ? 0 : CLOCK_SECOND;
    const struct store_value values[] = {store_uuid(c->notifier),
                                         store_uuid(c->notice),
                                         store_int(c->fence),
                                         store_text(state_after(r->outcome)),
                                         store_int(base_us),
                                         store_int(r->status),
                                         store_text(str_from_c(r->error)),
                                         store_int(DELIVERY_AGE_S),
                                         store_int(RETRY_MAX_S * (int64_t)CLOCK_SECOND)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &finish, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "someone else has the delivery");
    }
    job->parked = str_equal_c(store_get_text(&rows, 0, 0), "parked");
    return judge_notifier(s, job);
}

struct status delivery_finish(struct store *st, const struct keyring *k,
                              const struct delivery_end *end)
{
    struct finish_job job = {.keyring = k, .end = end};
    TRY(store_transact(st, finish_work, &job));
    notify_tally(end->result->outcome, job.parked);
    return OK_STATUS;
}

struct status delivery_release(struct store *st, const struct delivery_claim *c)
{
    const struct store_value values[] = {store_uuid(c->notifier), store_uuid(c->notice),
                                         store_int(c->fence)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    return store_query(st, &release, values, ARRAY_LEN(values), &rows);
}

struct status delivery_prune(struct session *s)
{
    const struct store_value values[] = {store_int(DELIVERY_AGE_S * (int64_t)CLOCK_SECOND),
                                         store_int(DELIVERY_KEPT_S * (int64_t)CLOCK_SECOND),
                                         store_int(PRUNE_MAX)};
    return session_exec(s, &prune, values, ARRAY_LEN(values), NULL);
}

// ---- looking and asking again

struct status delivery_list(struct operation *op, const struct notifier *n,
                            const struct delivery_page *page, struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(n->id), store_int(page->after),
                                         store_text(page->state), store_int(page->limit)};
    return store_query(op->worker->vault->store, &list_deliveries, values, ARRAY_LEN(values), out);
}

struct replay_job {
    const struct notifier *notifier;
    const struct delivery_replay *which;
    int64_t count;
};

static struct status replay_work(struct session *s, void *arg)
{
    struct replay_job *job = arg;
    const struct delivery_replay *which = job->which;
    const struct store_value values[] = {
        store_uuid(job->notifier->id),  store_time(which->from_us),
        store_time(which->to_us),       store_text(which->credential),
        store_bool(which->parked_only), store_int(DELIVERY_REPLAY_MAX + 1)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &replay, values, ARRAY_LEN(values), &rows));
    if (store_get_int(&rows, 0, 1) > DELIVERY_REPLAY_MAX) {
        FAIL(INVALID, "more than 100000 notices: ask for a shorter time");
    }
    job->count = store_get_int(&rows, 0, 0);
    return OK_STATUS;
}

struct status delivery_replay(struct operation *op, const struct notifier *n,
                              const struct delivery_replay *which, int64_t *out_count)
{
    struct replay_job job = {.notifier = n, .which = which};
    TRY(operation_transact(op, replay_work, &job));
    *out_count = job.count;
    return OK_STATUS;
}
