// SPDX-License-Identifier: ISC
#include "vault/store/store.h"

#include <pthread.h>
#include <stdlib.h>

#include "vault/base/clock.h"

struct store {
    struct store_config config;
    struct offload *pool;
    pthread_mutex_t lock;
    pthread_cond_t returned;
    size_t open_count; // idle and lent
    size_t open_max;
    uint64_t waits;
    bool away;             // the last attempt to connect failed
    bool trying;           // somebody finds out whether it still is
    int64_t away_until_us; // nobody tries before
    size_t idle_count;
    struct session *idle[]; // open_max slots
};

enum { ACQUIRE_WAIT_S = 5, AWAY_MAX_US = CLOCK_SECOND / 4 };

struct status store_new(const struct store_config *config, struct offload *pool,
                        size_t sessions_max, struct store **out)
{
    struct store *st = calloc(1, sizeof *st + sessions_max * sizeof(struct session *));
    if (st == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    st->config = *config;
    st->pool = pool;
    st->open_max = sessions_max;
    pthread_mutex_init(&st->lock, NULL);
    pthread_cond_init(&st->returned, NULL);
    *out = st;
    return OK_STATUS;
}

void store_free(struct store *st)
{
    if (st == NULL) {
        return;
    }
    for (size_t i = 0; i < st->idle_count; i++) {
        session_close(st->idle[i]);
    }
    pthread_cond_destroy(&st->returned);
    pthread_mutex_destroy(&st->lock);
    free(st);
}

const struct store_config *store_config(const struct store *st)
{
    return &st->config;
}

struct store_stats store_stats(struct store *st)
{
    pthread_mutex_lock(&st->lock);
    const struct store_stats stats = {.busy = st->open_count - st->idle_count,
                                      .idle = st->idle_count,
                                      .most = st->open_max,
                                      .waits = st->waits};
    pthread_mutex_unlock(&st->lock);
    return stats;
}

// Either an idle session in *out, or permission to open one (*out NULL).
static struct status reserve(struct store *st, struct session **out)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ACQUIRE_WAIT_S;
    struct status outcome = OK_STATUS;
    pthread_mutex_lock(&st->lock);
    st->waits += st->idle_count == 0 && st->open_count == st->open_max;
    while (st->idle_count == 0 && st->open_count == st->open_max && status_ok(outcome)) {
        if (pthread_cond_clockwait(&st->returned, &st->lock, CLOCK_MONOTONIC, &until) != 0) {
            outcome = MAKE_STATUS(UNAVAILABLE, "all database sessions are busy, try again");
        }
    }
    if (status_ok(outcome)) {
        *out = st->idle_count > 0 ? st->idle[--st->idle_count] : NULL;
        st->open_count += *out == NULL;
    }
    pthread_mutex_unlock(&st->lock);
    return outcome;
}

static void give_back(struct store *st, struct session *s)
{
    pthread_mutex_lock(&st->lock);
    if (s == NULL) {
        st->open_count--;
    } else {
        st->idle[st->idle_count++] = s;
    }
    pthread_cond_signal(&st->returned);
    pthread_mutex_unlock(&st->lock);
}

// While the database is away one at a time may try to connect; the others fail at once.
static bool may_try(struct store *st)
{
    pthread_mutex_lock(&st->lock);
    bool may = !st->away || (!st->trying && clock_monotonic_us() >= st->away_until_us);
    st->trying = st->trying || (may && st->away);
    pthread_mutex_unlock(&st->lock);
    return may;
}

static void note_attempt(struct store *st, bool failed, int64_t begun_us)
{
    int64_t now_us = clock_monotonic_us();
    int64_t took_us = now_us - begun_us;
    pthread_mutex_lock(&st->lock);
    st->away = failed;
    st->trying = false;
    st->away_until_us = now_us + (took_us < AWAY_MAX_US ? took_us : AWAY_MAX_US);
    pthread_mutex_unlock(&st->lock);
}

// A database that is silent keeps one thread and not all, and whoever has several things to do
// fails at the first. When it is back, the attempt under way or the next who asks finds out.
static struct status open_one(struct store *st, struct session **out)
{
    if (!may_try(st)) {
        FAIL(UNAVAILABLE, "the database can't be reached");
    }
    int64_t begun_us = clock_monotonic_us();
    struct status opened = session_open(&st->config, out);
    note_attempt(st, opened.code == STATUS_UNAVAILABLE, begun_us);
    return opened;
}

static struct status acquire(struct store *st, struct session **out)
{
    struct session *s = NULL;
    TRY(reserve(st, &s));
    if (s == NULL) {
        struct status opened = open_one(st, &s);
        if (!status_ok(opened)) {
            give_back(st, NULL);
            return opened;
        }
    }
    *out = s;
    return OK_STATUS;
}

// What happened to one connection happened to the others: nobody is to find out with each of them.
static void close_idle(struct store *st)
{
    struct session *idle;
    do {
        pthread_mutex_lock(&st->lock);
        idle = st->idle_count > 0 ? st->idle[--st->idle_count] : NULL;
        st->open_count -= idle != NULL;
        pthread_mutex_unlock(&st->lock);
        session_close(idle);
    } while (idle != NULL);
}

static void release(struct store *st, struct session *s)
{
    session_rollback(s);
    if (session_broken(s)) {
        session_close(s);
        s = NULL;
        close_idle(st);
    }
    give_back(st, s);
}

struct store_job {
    struct store *store;
    store_work *work;
    void *arg;
    bool transaction;
};

static struct status run_in_transaction(struct session *s, const struct store_job *job)
{
    TRY(session_begin(s));
    TRY(job->work(s, job->arg));
    return session_commit(s);
}

// An idle session may have died unnoticed: then nothing was done yet and another one is tried.
static struct status acquire_live(struct store *st, struct session **out)
{
    for (size_t attempt = 0; attempt <= st->open_max; attempt++) {
        struct session *s;
        TRY(acquire(st, &s));
        if (session_alive(s)) {
            *out = s;
            return OK_STATUS;
        }
        release(st, s);
    }
    FAIL(UNAVAILABLE, "the connection to the database was lost");
}

static struct status run_job(void *arg)
{
    const struct store_job *job = arg;
    struct session *s;
    TRY(acquire_live(job->store, &s));
    struct status outcome = job->transaction ? run_in_transaction(s, job) : job->work(s, job->arg);
    release(job->store, s);
    return outcome;
}

struct status store_run(struct store *st, store_work *work, void *arg)
{
    struct store_job job = {st, work, arg, false};
    return offload_run(st->pool, run_job, &job);
}

struct query {
    const struct store_statement *statement;
    const struct store_value *values;
    size_t count;
    struct store_rows *out;
};

static struct status query_work(struct session *s, void *arg)
{
    const struct query *q = arg;
    return session_exec(s, q->statement, q->values, q->count, q->out);
}

struct status store_query(struct store *st, const struct store_statement *statement,
                          const struct store_value *values, size_t count, struct store_rows *out)
{
    struct query q = {statement, values, count, out};
    return store_run(st, query_work, &q);
}

struct status store_transact(struct store *st, store_work *work, void *arg)
{
    struct store_job job = {st, work, arg, true};
    return offload_run(st->pool, run_job, &job);
}

struct status store_transact_blocking(struct store *st, store_work *work, void *arg)
{
    struct store_job job = {st, work, arg, true};
    return run_job(&job);
}
