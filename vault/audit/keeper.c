// SPDX-License-Identifier: ISC
#include "vault/audit/keeper.h"

#include <pthread.h>

#include "vault/audit/adopt.h"
#include "vault/audit/checkpoint.h"
#include "vault/audit/retention.h"
#include "vault/audit/sink_store.h"
#include "vault/audit/witness_file.h"
#include "vault/base/log.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, START_POLL_US = 20000, LATE_INTERVALS = 3, ROOM_ROUNDS = 6 };

static const int64_t round_us = 10 * (int64_t)CLOCK_SECOND;
static const int64_t hour_us = 3600 * (int64_t)CLOCK_SECOND;

struct audit_keeper {
    struct audit_keeper_options options;
    struct loop *loop;
    struct audit_log *log;
    bool running;
    bool stopping;
    struct fiber_event wake;
    struct fiber_event ended;
    int64_t housekeeping_due_us;
    int64_t rounds;
    int64_t file_number; // the last checkpoint that the file has
    bool file_known;
    pthread_mutex_t lock; // of the state
    struct audit_keeper_state state;
};

void audit_keeper_free(struct audit_keeper *k)
{
    if (k != NULL) {
        pthread_mutex_destroy(&k->lock);
        free(k);
    }
}

struct status audit_keeper_new(const struct audit_keeper_options *options,
                               struct audit_keeper **out)
{
    struct audit_keeper *k = calloc(1, sizeof *k);
    if (k == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    k->options = *options;
    pthread_mutex_init(&k->lock, NULL);
    *out = k;
    return OK_STATUS;
}

struct audit_keeper_state audit_keeper_state(struct audit_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    struct audit_keeper_state state = k->state;
    pthread_mutex_unlock(&k->lock);
    int64_t late_us = LATE_INTERVALS * k->options.checkpoint_interval_s * CLOCK_SECOND + round_us;
    state.checkpoint_late =
        state.checkpoint_at_us > 0 && clock_monotonic_us() - state.checkpoint_at_us > late_us;
    return state;
}

static void note(struct audit_keeper *k, const char *event, struct status s)
{
    if (status_ok(s)) {
        return;
    }
    pthread_mutex_lock(&k->lock);
    k->state.failures++;
    k->state.altered += s.code == STATUS_INTEGRITY;
    pthread_mutex_unlock(&k->lock);
    log_repeated(s.code == STATUS_INTEGRITY ? LOG_ERROR : LOG_WARN, event, LOG_STATUS(s));
}

// ---- keys

struct key_job {
    struct audit_signer *signer;
    bool due;
};

static struct status refresh_work(struct session *s, void *arg)
{
    struct key_job *job = arg;
    return audit_signer_refresh(job->signer, s, &job->due);
}

static struct status succeed_work(struct session *s, void *arg)
{
    const struct key_job *job = arg;
    return audit_signer_succeed(job->signer, s);
}

// When several nodes find it due, one of them succeeds and all take its key over.
static struct status keep_keys(struct audit_keeper *k)
{
    struct key_job job = {.signer = k->options.signer};
    TRY(store_run(k->options.store, refresh_work, &job));
    if (!job.due) {
        return OK_STATUS;
    }
    struct status succeeded = store_transact(k->options.store, succeed_work, &job);
    if (!status_ok(succeeded) && succeeded.code != STATUS_CONFLICT) {
        return succeeded;
    }
    TRY(store_run(k->options.store, refresh_work, &job));
    log_event(LOG_INFO, "audit.key_succeeded", LOG_INT("key", audit_signer_number(job.signer)));
    return OK_STATUS;
}

// ---- adoption

static struct status adopt(struct audit_keeper *k)
{
    struct audit_adoption done;
    struct status s = audit_adopt(k->log, k->options.store, &done);
    pthread_mutex_lock(&k->lock);
    k->state.altered += done.altered;
    k->state.adopted_effects += done.effects;
    pthread_mutex_unlock(&k->lock);
    return s;
}

// ---- checkpoints

struct checkpoint_job {
    struct audit_keeper *keeper;
    int64_t at_least_s; // the newest one's age
    int64_t altered;
    struct audit_checkpoint_head newest;
    int64_t newest_age_s;
};

static struct status checkpoint_work(struct session *s, void *arg)
{
    struct checkpoint_job *job = arg;
    struct audit_checkpoint_head previous;
    int64_t age_s;
    TRY(audit_checkpoint_lock(s, &previous, &age_s));
    job->newest = previous;
    if (previous.number < job->keeper->state.last_checkpoint) {
        FAIL(INTEGRITY, "checkpoints are gone: the database was put back to an older state");
    }
    if (age_s < job->at_least_s) {
        job->newest_age_s = age_s;
        return OK_STATUS;
    }
    return audit_checkpoint_make(s, job->keeper->options.signer, &previous, &job->newest,
                                 &job->altered);
}

static struct status write_file(struct session *s, void *arg)
{
    struct audit_keeper *k = arg;
    int64_t number = k->file_number + 1;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ARENA_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct audit_witness w;
    TRY(audit_checkpoint_load(s, number, arena, &w));
    TRY(audit_witness_append(k->options.checkpoint_file.ptr, &w));
    k->file_number = number;
    return OK_STATUS;
}

// Every node's file has all checkpoints from its start on, whoever made them.
static void keep_file(struct audit_keeper *k, int64_t newest)
{
    if (k->options.checkpoint_file.len == 0) {
        return;
    }
    if (!k->file_known) {
        k->file_number = newest - 1;
        k->file_known = true;
    }
    struct status s = OK_STATUS;
    while (status_ok(s) && k->file_number < newest) {
        s = store_run(k->options.store, write_file, k);
    }
    pthread_mutex_lock(&k->lock);
    k->state.checkpoint_file_failing = !status_ok(s);
    pthread_mutex_unlock(&k->lock);
    note(k, "audit.checkpoint_file_failed", s);
}

static struct status keep_checkpoints(struct audit_keeper *k, int64_t at_least_s)
{
    struct checkpoint_job job = {.keeper = k, .at_least_s = at_least_s};
    TRY(store_transact(k->options.store, checkpoint_work, &job));
    pthread_mutex_lock(&k->lock);
    k->state.last_checkpoint = job.newest.number;
    k->state.checkpoint_at_us = clock_monotonic_us() - job.newest_age_s * CLOCK_SECOND;
    k->state.altered += job.altered;
    pthread_mutex_unlock(&k->lock);
    keep_file(k, job.newest.number);
    return OK_STATUS;
}

static struct status check_newest(struct session *s, void *arg)
{
    (void)arg;
    return audit_checkpoint_check_newest(s);
}

// ---- days

struct retention_job {
    const struct audit_keeper_options *options;
    bool dropped;
};

static struct status prepare_work(struct session *s, void *arg)
{
    (void)arg;
    return audit_retention_prepare(s);
}

static struct status drop_work(struct session *s, void *arg)
{
    struct retention_job *job = arg;
    return audit_retention_drop_day(s, job->options->signer, job->options->retention_s,
                                    &job->dropped);
}

static struct status keep_days(struct audit_keeper *k)
{
    if (loop_now_us(k->loop) < k->housekeeping_due_us) {
        return OK_STATUS;
    }
    TRY(store_transact(k->options.store, prepare_work, NULL));
    struct retention_job job = {.options = &k->options, .dropped = k->options.retention_s > 0};
    while (job.dropped && !k->stopping) {
        TRY(store_transact(k->options.store, drop_work, &job));
    }
    k->housekeeping_due_us = loop_now_us(k->loop) + hour_us;
    return OK_STATUS;
}

// ---- sinks

static struct status sinks_work(struct session *s, void *arg)
{
    const struct audit_keeper_options *o = arg;
    return audit_sink_reload(o->sinks, o->keyring, s);
}

static struct status keep_sinks(struct audit_keeper *k)
{
    return k->options.sinks == NULL ? OK_STATUS
                                    : store_run(k->options.store, sinks_work, &k->options);
}

// ---- room

static struct status measure_work(struct session *s, void *arg)
{
    return audit_room_measure(s, arg);
}

static void tell_room(const struct audit_keeper *k, const struct audit_room *room,
                      enum audit_room_state state)
{
    static const char *const events[] = {[AUDIT_ROOM_ENOUGH] = "audit.room_enough",
                                         [AUDIT_ROOM_SHORT_SOON] = "audit.room_short_soon",
                                         [AUDIT_ROOM_SHORT] = "audit.room_short"};
    static const enum log_level levels[] = {[AUDIT_ROOM_ENOUGH] = LOG_INFO,
                                            [AUDIT_ROOM_SHORT_SOON] = LOG_WARN,
                                            [AUDIT_ROOM_SHORT] = LOG_ERROR};
    log_event(levels[state], events[state], LOG_INT("audit_bytes", room->audit_bytes),
              LOG_INT("audit_alarm_bytes", k->options.room.audit_bytes),
              LOG_INT("database_bytes", room->database_bytes),
              LOG_INT("database_alarm_bytes", k->options.room.database_bytes),
              LOG_INT("daily_bytes", room->daily_bytes));
}

static struct status keep_room(struct audit_keeper *k)
{
    if (k->rounds++ % ROOM_ROUNDS != 0) {
        return OK_STATUS;
    }
    struct audit_room room;
    TRY(store_run(k->options.store, measure_work, &room));
    enum audit_room_state state = audit_room_judge(&room, &k->options.room);
    pthread_mutex_lock(&k->lock);
    bool changed = state != k->state.room_state;
    k->state.room = room;
    k->state.room_state = state;
    pthread_mutex_unlock(&k->lock);
    if (changed) {
        tell_room(k, &room, state);
    }
    return OK_STATUS;
}

// ---- the fiber

static void one_round(struct audit_keeper *k)
{
    note(k, "audit.keys_not_kept", keep_keys(k));
    note(k, "audit.adoption_failed", adopt(k));
    note(k, "audit.checkpoint_failed", keep_checkpoints(k, k->options.checkpoint_interval_s));
    note(k, "audit.days_not_kept", keep_days(k));
    note(k, "audit.sinks_not_kept", keep_sinks(k));
    note(k, "audit.room_not_measured", keep_room(k));
}

static void wait_for_round(struct audit_keeper *k)
{
    if (!k->stopping) {
        int64_t interval_us = k->options.checkpoint_interval_s * CLOCK_SECOND;
        int64_t wait_us = interval_us < round_us ? interval_us : round_us;
        // A timeout is the next round; being woken is the end.
        status_ignore(fiber_wait(&k->wake, loop_now_us(k->loop) + wait_us));
    }
}

static void run(void *arg)
{
    struct audit_keeper *k = arg;
    while (audit_log_chain(k->log) == 0 && !k->stopping) {
        fiber_sleep_until(loop_now_us(k->loop) + START_POLL_US);
    }
    if (!k->stopping) {
        note(k, "audit.newest_checkpoint", store_run(k->options.store, check_newest, NULL));
        note(k, "audit.sinks_not_kept", keep_sinks(k));
        note(k, "audit.checkpoint_failed", keep_checkpoints(k, 0));
    }
    while (!k->stopping) {
        one_round(k);
        wait_for_round(k);
    }
    note(k, "audit.checkpoint_failed", keep_checkpoints(k, 0));
    pthread_mutex_lock(&k->lock);
    k->state.checkpoint_at_us = 0; // a sealed vault makes none
    pthread_mutex_unlock(&k->lock);
    k->running = false;
    fiber_signal(&k->ended);
}

struct status audit_keeper_start(struct audit_keeper *k, struct loop *loop, struct audit_log *log)
{
    if (k->running) {
        return OK_STATUS;
    }
    k->loop = loop;
    k->log = log;
    k->stopping = false;
    k->housekeeping_due_us = 0;
    k->wake = (struct fiber_event){0};
    k->ended = (struct fiber_event){0};
    TRY(fiber_start(loop, run, k));
    k->running = true;
    return OK_STATUS;
}

void audit_keeper_stop(struct audit_keeper *k)
{
    if (k->running) {
        k->stopping = true;
        fiber_signal(&k->wake);
        status_ignore(fiber_wait(&k->ended, CLOCK_NEVER)); // can't time out
    }
}
