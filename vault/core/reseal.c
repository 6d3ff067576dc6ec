// SPDX-License-Identifier: ISC
#include "vault/core/reseal.h"

#include <stdio.h>

#include "vault/base/log.h"
#include "vault/core/key_store.h"
#include "vault/core/sealing.h"

enum {
    IDLE_US = 2 * CLOCK_SECOND,
    BETWEEN_ROUNDS_US = 5000, // others want the disk too
};

#define NAMESPACE KEYRING_ROOT_NAMESPACE
#define ACTOR STR("system")
#define PATH STR("sys/rotate")
// Any constant: it only has to differ from the other advisory locks ('reseal' in ASCII).
#define RESEAL_LOCK "125779852091756"

static const struct store_statement try_lock = {
    "reseal.lock", "SELECT pg_try_advisory_xact_lock(" RESEAL_LOCK ")"};
static const struct store_statement insert_effect = {
    "reseal.effect", "SELECT effect_record($1, $2, $3, '', $4, $5, $6)"};

struct reseal {
    struct worker *worker;
    const struct reseal_table *const *tables;
    struct reseal_skips skips;
    struct reseal_stats stats;
    struct fiber_event stop;
    struct fiber_event ended;
};

// One transaction, and what it came to.
struct round {
    struct reseal *reseal;
    struct uuid request_id;
    int64_t chain;
    int64_t began_us;
    int64_t term;
    int64_t seals; // sealed here since they were last counted
    bool pending;  // there are older epochs with values
    const char *table;
    struct reseal_batch_result batch;
    int64_t retired; // 0: none
};

static struct str operation_of(const struct round *r)
{
    return r->retired > 0 ? STR("retire-key") : STR("re-encrypt");
}

static bool did_something(const struct round *r)
{
    return r->retired > 0 || r->batch.written > 0;
}

static struct status write_effect(struct session *s, const struct round *r)
{
    const struct store_value values[] = {store_uuid(r->request_id),   store_int(r->chain),
                                         store_int(NAMESPACE),        store_text(ACTOR),
                                         store_text(operation_of(r)), store_text(PATH)};
    return session_exec(s, &insert_effect, values, ARRAY_LEN(values), NULL);
}

static struct status move_values(struct session *s, struct round *r)
{
    struct reseal *reseal = r->reseal;
    const struct keyring *k = reseal->worker->vault->keyring;
    // Its record makes it durable, like everything else that is done beside a batch; and row locks
    // are held for as short as can be.
    TRY(session_script(s, "SET LOCAL synchronous_commit = off; SET LOCAL enable_seqscan = off; "
                          "SET LOCAL enable_bitmapscan = off"));
    for (size_t i = 0; reseal->tables[i] != NULL && r->batch.written == 0; i++) {
        struct reseal_batch_result one;
        TRY(reseal_batch(reseal->tables[i], k, NAMESPACE, s, &reseal->skips, &one));
        r->table = reseal->tables[i]->name;
        r->batch.written = one.written;
        r->batch.failed += one.failed;
    }
    return OK_STATUS;
}

static struct status retire(struct session *s, struct round *r)
{
    TRY(session_script(s, "SET LOCAL synchronous_commit = on"));
    return key_store_retire(s, NAMESPACE, r->term, RESEAL_RETIRE_AFTER_S, &r->retired);
}

static struct status look_after(struct session *s, struct round *r)
{
    int64_t oldest;
    TRY(key_store_oldest_epoch(s, NAMESPACE, &oldest));
    r->pending = oldest < r->term;
    if (!r->pending) {
        return OK_STATUS;
    }
    TRY(move_values(s, r));
    if (r->batch.written == 0) {
        TRY(retire(s, r));
    }
    return did_something(r) ? write_effect(s, r) : OK_STATUS;
}

static struct status round_work(struct session *s, void *arg)
{
    struct round *r = arg;
    struct vault *v = r->reseal->worker->vault;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    // This is also how a node that nobody asks for anything learns of keys.
    TRY(sealing_reload_keys(v, s));
    TRY(keyring_active_epoch(v->keyring, NAMESPACE, &r->term));
    r->seals = keyring_seals(v->keyring, NAMESPACE, r->term);
    if (r->seals > 0) {
        TRY(key_store_count_seals(s, NAMESPACE, r->term, r->seals));
    }
    TRY(session_exec(s, &try_lock, NULL, 0, &rows));
    bool ours = store_get_bool(&rows, 0, 0);
    return ours ? look_after(s, r) : OK_STATUS;
}

// Completes the effect; should it fail, the effect becomes a record later.
static struct status record(const struct round *r)
{
    char detail[160];
    if (r->retired > 0) {
        snprintf(detail, sizeof detail, "{\"term\":%lld}", (long long)r->retired);
    } else {
        snprintf(detail, sizeof detail, "{\"count\":%lld,\"table\":\"%s\",\"term\":%lld}",
                 (long long)r->batch.written, r->table, (long long)r->term);
    }
    const struct audit_entry entry = {
        .request_id = r->request_id,
        .namespace_id = NAMESPACE,
        .actor = ACTOR,
        .operation = operation_of(r),
        .path = PATH,
        .result = 204,
        .duration_us = clock_monotonic_us() - r->began_us,
        .effect = true,
        .detail = str_from_c(detail),
        .effect_chain = r->chain,
    };
    return audit_append(r->reseal->worker->audit, &entry);
}

// The newest key changed, so what failed under the one before may be tried again.
static void take_term(struct reseal *reseal, int64_t term)
{
    if (reseal->stats.term != term) {
        reseal->stats.term = term;
        reseal->skips.count = 0;
    }
}

static struct status finish_round(const struct round *r)
{
    struct reseal *reseal = r->reseal;
    take_term(reseal, r->term);
    reseal->stats.pending = r->pending;
    reseal->stats.written += r->batch.written;
    reseal->stats.failed += r->batch.failed;
    if (r->retired > 0) {
        reseal->stats.retired++;
        log_event(LOG_INFO, "keys.retired", LOG_INT("term", r->retired));
        struct status s = keyring_retire(reseal->worker->vault->keyring, NAMESPACE, r->retired);
        if (s.code != STATUS_NOT_FOUND) { // never loaded here
            TRY(s);
        }
    }
    return did_something(r) ? record(r) : OK_STATUS;
}

static struct status run_round(struct round *r)
{
    struct vault *v = r->reseal->worker->vault;
    TRY(store_transact(v->store, round_work, r));
    keyring_count_seals(v->keyring, NAMESPACE, r->term, -r->seals);
    return finish_round(r);
}

// True when there may be more at once. Counts as an operation, so that sealing waits for it.
static bool try_round(struct reseal *reseal)
{
    struct worker *w = reseal->worker;
    if (vault_state(w->vault) != VAULT_UNSEALED || w->batch == NULL || !batch_connected(w->batch)) {
        return false;
    }
    struct round r = {.reseal = reseal,
                      .request_id = uuid_new(),
                      .chain = audit_log_chain(w->audit),
                      .began_us = clock_monotonic_us()};
    w->operations++;
    struct status s = run_round(&r);
    w->operations--;
    if (!status_ok(s)) {
        log_event(LOG_WARN, "keys.reencrypt_failed", LOG_STATUS(s));
    }
    return status_ok(s) && (did_something(&r) || r.batch.failed > 0);
}

static void run(void *arg)
{
    struct reseal *reseal = arg;
    int64_t next_us = 0;
    while (!status_ok(fiber_wait(&reseal->stop, next_us))) {
        bool more = try_round(reseal);
        next_us = loop_now_us(reseal->worker->loop) + (more ? BETWEEN_ROUNDS_US : IDLE_US);
    }
    fiber_signal(&reseal->ended);
}

struct status reseal_start(struct worker *w, const struct reseal_table *const *tables,
                           struct reseal **out)
{
    struct reseal *reseal = calloc(1, sizeof *reseal);
    if (reseal == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    reseal->worker = w;
    reseal->tables = tables;
    struct status s = fiber_start(w->loop, run, reseal);
    if (!status_ok(s)) {
        free(reseal);
        return s;
    }
    *out = reseal;
    return OK_STATUS;
}

void reseal_stop(struct reseal *reseal)
{
    if (reseal == NULL) {
        return;
    }
    fiber_signal(&reseal->stop);
    status_ignore(fiber_wait(&reseal->ended, CLOCK_NEVER)); // can't time out
}

void reseal_free(struct reseal *reseal)
{
    free(reseal);
}

const struct reseal_stats *reseal_stats(const struct reseal *reseal)
{
    return &reseal->stats;
}
