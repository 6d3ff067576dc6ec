// SPDX-License-Identifier: ISC
#include "vault/rotation/engine/run.h"

#include <stdio.h>
#include <string.h>

#include "vault/base/log.h"
#include "vault/crypto/random.h"
#include "vault/rotation/engine/rotation_internal.h"
#include "vault/rotation/fault.h"
#include "vault/rotation/notice.h"
#include "vault/rotation/tally.h"

enum {
    RUN_ARENA_BYTES = 4 * 1024 * 1024,
    RETRY_US = CLOCK_SECOND / 5,
    BACKOFF_FIRST_US = CLOCK_SECOND / 2,
    BACKOFF_SHIFT_MAX = 10,
    BACKOFF_MAX_US = 300 * CLOCK_SECOND,
    ATTEMPT_AT = CREDENTIAL_COLUMN_COUNT,
    TARGET_AT = ATTEMPT_AT + ATTEMPT_COLUMN_COUNT,
    MOUNT_AT = TARGET_AT + TARGET_COLUMN_COUNT,
};

#define RUN_ACTOR STR("system")
#define RUN_OPERATION STR("rotate")

static const struct store_statement load_attempt = {
    "rotation.load_attempt",
    "SELECT " CREDENTIAL_COLUMNS ", " ATTEMPT_COLUMNS ", " TARGET_COLUMNS ", m.path, "
    "clock_timestamp(), current_setting('synchronous_standby_names') <> '' OR NOT EXISTS ("
    "SELECT 1 FROM pg_stat_replication s WHERE coalesce(s.state, 'streaming') = 'streaming') "
    "FROM rotation_attempt a "
    "JOIN rotation_credential c ON c.id = a.credential_id "
    "JOIN rotation_target t ON t.id = a.target_id JOIN mount m ON m.id = c.mount_id "
    "WHERE a.id = $1 AND a.fence = $2"};
static const struct store_statement load_values = {
    "rotation.load_values", "SELECT " VERSION_COLUMNS " FROM rotation_value v "
                            "WHERE v.credential_id = $1 "
                            "AND v.state IN ('pending', 'current', 'previous')"};
static const struct store_statement find_landed = {
    "rotation.landed", "SELECT 1 FROM rotation_attempt WHERE id = $1 AND fence = $2 AND state = $3 "
                       "AND row_version = $4"};
// Columns outside of the MAC only: of a row that can't be believed nothing is changed.
static const struct store_statement put_off_altered = {
    "rotation.put_off_altered",
    "UPDATE rotation_attempt SET lease_until = to_timestamp(0), tries = tries + 1, "
    "next_step_at = clock_timestamp() + interval '1 microsecond' * "
    "least($3 * power(2, least(tries, 10)), $4), error_class = $5, error = $6 "
    "WHERE id = $1 AND fence = $2"};
static const struct store_statement put_effect = {
    "rotation.effect", "SELECT effect_record($1, $2, $3, '', $4, $5, $6)"};

// ---- loading

// With the rows goes what was borrowed from them.
static void forget(struct run *r)
{
    driver_done(&r->driver);
    for (int i = 0; i < RUN_VALUE_COUNT; i++) {
        secret_free(r->values[i].secret);
        r->values[i] = (struct run_value){0};
    }
    r->attempt = (struct attempt){0};
    r->credential = (struct credential){0};
    r->target = (struct target){0};
    r->mount_path = STR("");
    store_rows_done(&r->rows);
    store_rows_done(&r->value_rows);
}

static struct status read_values(struct run *r, const struct keyring *k)
{
    static const char *const states[RUN_VALUE_COUNT] = {
        [RUN_PENDING] = "pending", [RUN_CURRENT] = "current", [RUN_PREVIOUS] = "previous"};
    for (int row = 0; row < r->value_rows.count; row++) {
        struct version v;
        TRY(version_read(k, &r->value_rows, row, 0, &v));
        for (int i = 0; i < RUN_VALUE_COUNT; i++) {
            if (str_equal_c(v.state, states[i])) {
                r->values[i].exists = true;
                r->values[i].version = v;
            }
        }
    }
    return OK_STATUS;
}

static struct status load_work(struct session *s, void *arg)
{
    struct run *r = arg;
    const struct keyring *k = r->worker->vault->keyring;
    const struct store_value key[] = {store_uuid(r->id), store_int(r->fence)};
    TRY(session_exec(s, &load_attempt, key, ARRAY_LEN(key), &r->rows));
    if (r->rows.count != 1) {
        FAIL(CONFLICT, "someone else has the attempt");
    }
    TRY(credential_read(k, &r->rows, 0, 0, r->arena, &r->credential));
    TRY(attempt_read(k, &r->rows, 0, ATTEMPT_AT, &r->attempt));
    TRY(target_read(k, &r->rows, 0, TARGET_AT, &r->target));
    r->mount_path = store_get_text(&r->rows, 0, MOUNT_AT);
    r->loaded_us = store_get_time(&r->rows, 0, MOUNT_AT + 1);
    r->loaded_mono_us = clock_monotonic_us();
    r->durable =
        store_get_bool(&r->rows, 0, MOUNT_AT + 2) || r->engine->options.allow_asynchronous_replicas;
    const struct store_value of[] = {store_uuid(r->credential.id)};
    TRY(session_exec(s, &load_values, of, ARRAY_LEN(of), &r->value_rows));
    return read_values(r, k);
}

// The rows belong together: what was moved from another credential or target is refused.
static struct status check_loaded(const struct run *r)
{
    bool whole = uuid_equal(r->attempt.credential, r->credential.id) &&
                 uuid_equal(r->attempt.target, r->target.id) &&
                 uuid_equal(r->credential.target, r->target.id);
    for (int i = 0; i < RUN_VALUE_COUNT; i++) {
        const struct run_value *v = &r->values[i];
        whole = whole && (!v->exists || uuid_equal(v->version.credential, r->credential.id));
    }
    const struct run_value *current = &r->values[RUN_CURRENT];
    whole = whole && current->exists == (r->credential.current_version != 0) &&
            (!current->exists || current->version.number == r->credential.current_version);
    if (!whole) {
        FAIL(INTEGRITY, "rows of different credentials were mixed");
    }
    return OK_STATUS;
}

struct status run_load(struct run *r)
{
    forget(r);
    TRY(store_transact(r->worker->vault->store, load_work, r));
    TRY(check_loaded(r));
    bool untouched = r->attempt.state == ATTEMPT_PLANNED || r->attempt.state == ATTEMPT_STAGED;
    r->none_worked = untouched && r->attempt.hold;
    TRY(driver_init(&r->driver, r->engine, r->worker->vault->keyring, &r->target, r->arena));
    if ((int64_t)r->driver.rotator->kind != r->credential.kind) {
        FAIL(INVALID, "the target's rotator is of another kind than when the credential was made");
    }
    return OK_STATUS;
}

bool run_overlaps(const struct run *r)
{
    return credential_overlaps(&r->credential);
}

// ---- changing state

struct attempt_change run_change(const struct run *r, enum attempt_state state)
{
    struct attempt_change change = {.next = r->attempt,
                                    .node = r->worker->vault->node,
                                    .lease_us = r->engine->lease_us,
                                    .detail = STR("")};
    change.next.state = state;
    return change;
}

struct commit_job {
    struct run *run;
    const struct attempt_change *change;
    store_work *also;
    void *arg;
    struct uuid request_id;
    int64_t chain; // stays, however often it is tried: any of them may be the one that counts
    struct str path;
    bool sent_before; // an earlier try of the same change may have been committed
};

// A commit whose answer was lost counts when it turns out to have been ours.
static struct status check_landed(struct session *s, const struct commit_job *job)
{
    const struct run *r = job->run;
    const struct store_value values[] = {store_uuid(r->id), store_int(r->fence),
                                         store_text(attempt_state_name(job->change->next.state)),
                                         store_int(r->attempt.row_version + 1)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &find_landed, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

static struct status commit_work(struct session *s, void *arg)
{
    struct commit_job *job = arg;
    const struct keyring *k = job->run->worker->vault->keyring;
    if (job->sent_before) {
        struct status landed = check_landed(s, job);
        if (landed.code != STATUS_NOT_FOUND) {
            return landed;
        }
    }
    job->sent_before = true;
    TRY(attempt_update(s, k, &job->run->attempt, job->change));
    if (job->also != NULL) {
        TRY(job->also(s, job->arg));
    }
    TRY(notice_of_change(s, k, &job->run->attempt, job->change));
    const struct store_value values[] = {store_uuid(job->request_id),
                                         store_int(job->chain),
                                         store_int(job->run->attempt.namespace_id),
                                         store_text(RUN_ACTOR),
                                         store_text(RUN_OPERATION),
                                         store_text(job->path)};
    return session_exec(s, &put_effect, values, ARRAY_LEN(values), NULL);
}

// Completes the effect; should it fail, the effect becomes a record later.
static void record(struct run *r, const struct commit_job *job, int64_t began_us)
{
    const struct attempt *a = &job->change->next;
    char id[UUID_TEXT_BYTES];
    char detail[256];
    uuid_format(r->id, id);
    snprintf(
        detail, sizeof detail,
        "{\"attempt\":\"%s\",\"state\":\"%s\",\"version\":%lld,\"fence\":%lld,\"error\":\"%s\"}",
        id, attempt_state_name(a->state).ptr, (long long)a->version, (long long)r->fence,
        job->change->error_class == NULL ? "" : job->change->error_class);
    const struct audit_entry entry = {
        .request_id = job->request_id,
        .namespace_id = a->namespace_id,
        .actor = RUN_ACTOR,
        .operation = RUN_OPERATION,
        .path = job->path,
        .result = job->change->error_class == NULL ? 204 : 500,
        .duration_us = clock_monotonic_us() - began_us,
        .effect = true,
        .detail = str_from_c(detail),
        .effect_chain = job->chain,
    };
    struct status s = audit_append(r->worker->audit, &entry);
    if (!status_ok(s)) {
        log_repeated(LOG_WARN, "rotation.audit_later", LOG_UUID("attempt", r->id), LOG_STATUS(s));
    }
}

// The steps in between are for those who look for them: history has them all.
static enum log_level level_of(const struct attempt_change *change)
{
    if (change->error_class != NULL) {
        return LOG_WARN;
    }
    return change->next.state == ATTEMPT_PROMOTED ? LOG_INFO : LOG_DEBUG;
}

static void take_over(struct run *r, const struct attempt_change *change, int64_t began_us)
{
    int64_t row_version = r->attempt.row_version;
    r->attempt = change->next;
    r->attempt.row_version = row_version + 1;
    r->lease_end_us = began_us + change->lease_us;
    r->finished = change->lease_us == 0 || !attempt_is_open(r->attempt.state);
    tally_step(r->attempt.state, change->error_class != NULL);
    log_event(level_of(change), "rotation.step", LOG_STR("credential", r->credential.name),
              LOG_STR("state", attempt_state_name(r->attempt.state)),
              LOG_INT("version", r->attempt.version), LOG_INT("fence", r->fence),
              LOG_STR("error", str_from_c(change->error_class)), LOG_STR("detail", change->detail));
}

// While the database is away the pending value stays here, in locked memory: nobody else can make
// it again if the database comes back without it.
static struct status commit_until_known(struct run *r, struct commit_job *job, int64_t *began_us)
{
    for (;;) {
        *began_us = clock_monotonic_us();
        struct status s = store_transact(r->worker->vault->store, commit_work, job);
        bool again = s.code == STATUS_UNAVAILABLE || s.code == STATUS_TIMEOUT;
        if (!again || rotation_should_stop(r->engine)) {
            return s;
        }
        fiber_sleep_until(clock_monotonic_us() + RETRY_US);
    }
}

struct status run_commit(struct run *r, const struct attempt_change *change, store_work *also,
                         void *arg)
{
    struct commit_job job = {.run = r,
                             .change = change,
                             .also = also,
                             .arg = arg,
                             .request_id = uuid_new(),
                             .chain = audit_log_chain(r->worker->audit)};
    TRY(arena_printf(r->arena, &job.path, "%.*scredentials/%.*s", STR_ARG(r->mount_path),
                     STR_ARG(r->credential.name)));
    bool moves = change->next.state != r->attempt.state;
    if (moves) {
        fault_point(attempt_state_name(change->next.state), false);
    }
    int64_t began_us;
    struct status s = commit_until_known(r, &job, &began_us);
    if (!status_ok(s)) {
        r->finished = true;
        return s;
    }
    take_over(r, change, began_us);
    if (moves) {
        fault_point(attempt_state_name(change->next.state), true);
    }
    record(r, &job, began_us);
    return OK_STATUS;
}

// Doubled with every failure, and anything between half of it and all of it.
static int64_t backoff_us(int64_t tries)
{
    int64_t shift = tries < BACKOFF_SHIFT_MAX ? tries : BACKOFF_SHIFT_MAX;
    int64_t most = (int64_t)BACKOFF_FIRST_US << shift;
    most = most < BACKOFF_MAX_US ? most : BACKOFF_MAX_US;
    uint32_t random;
    random_fill((uint8_t *)&random, sizeof random);
    return most / 2 + (int64_t)random % (most / 2);
}

struct status run_back_off(struct run *r, enum attempt_state state, const char *error_class,
                           struct str message)
{
    struct attempt_change change = run_change(r, state);
    change.delay_us = backoff_us(r->attempt.tries);
    change.delay_us = change.delay_us > r->retry_after_us ? change.delay_us : r->retry_after_us;
    r->retry_after_us = 0;
    change.next.tries++;
    change.lease_us = 0;
    change.error_class = error_class;
    change.detail = message;
    if (state == ATTEMPT_STAGED || state == ATTEMPT_PLANNED) {
        change.next.hold = r->none_worked; // certain: nothing was changed
    }
    return run_commit(r, &change, NULL, NULL);
}

struct status run_wait(struct run *r, enum attempt_state state, int64_t not_before_us,
                       int64_t delay_us, const char *error_class, struct str why)
{
    struct attempt_change change = run_change(r, state);
    change.lease_us = 0;
    change.not_before_us = not_before_us;
    change.delay_us = delay_us;
    change.error_class = error_class;
    change.detail = why;
    return run_commit(r, &change, NULL, NULL);
}

struct status run_reconcile(struct run *r, bool lost, const char *error_class, struct str message)
{
    driver_reset(&r->driver);
    struct attempt_change change = run_change(r, ATTEMPT_RECONCILE);
    change.error_class = error_class;
    change.detail = message;
    change.next.applied_us = run_now_us(r); // at the latest
    bool unfenced = lost && r->driver.rotator->fences == 0 && r->credential.kind != ROTUNDA_K6;
    if (unfenced) {
        change.next.quarantine_until_us = run_now_us(r) + r->target.timeout_s * CLOCK_SECOND;
    }
    return run_commit(r, &change, NULL, NULL);
}

struct status run_block(struct run *r, bool hold, const char *error_class, struct str message)
{
    struct attempt_change change = run_change(r, ATTEMPT_BLOCKED);
    change.next.hold = hold;
    change.next.tries++;
    change.lease_us = 0;
    change.error_class = error_class;
    change.detail = message;
    return run_commit(r, &change, NULL, NULL);
}

// ---- the loop

static void let_go(struct run *r)
{
    struct attempt_change change = run_change(r, r->attempt.state);
    change.lease_us = 0;
    status_ignore(run_commit(r, &change, NULL, NULL)); // else the lease passes by itself
    r->finished = true;
}

static struct status run_states(struct run *r)
{
    TRY(run_load(r));
    while (!r->finished) {
        if (rotation_should_stop(r->engine)) {
            let_go(r);
            break;
        }
        TRY(run_steps[r->attempt.state](r));
    }
    return OK_STATUS;
}

static struct status put_off_work(struct session *s, void *arg)
{
    const struct run *r = arg;
    const struct store_value values[] = {
        store_uuid(r->id),
        store_int(r->fence),
        store_int(BACKOFF_FIRST_US),
        store_int(BACKOFF_MAX_US),
        store_text(str_from_c(status_label(STATUS_INTEGRITY))),
        store_text(STR("rows of this rotation were altered in the vault's database: see the "
                       "server's log"))};
    return session_exec(s, &put_off_altered, values, ARRAY_LEN(values), NULL);
}

// What is wrong with our own side is no reason to forget the attempt: it is tried again.
static void note_failure(struct run *r, struct status s)
{
    log_repeated(s.code == STATUS_CONFLICT ? LOG_INFO : LOG_ERROR, "rotation.attempt_left",
                 LOG_UUID("attempt", r->id), LOG_INT("fence", r->fence), LOG_STATUS(s));
    bool loaded = r->attempt.row_version > 0;
    if (s.code == STATUS_INTEGRITY && !loaded) {
        // It would take a place at its target, and be claimed before those that can go on.
        status_ignore(store_transact(r->worker->vault->store, put_off_work, r));
        return;
    }
    if (s.code == STATUS_CONFLICT || r->finished || !loaded) {
        return; // the lease passes, and it is claimed again
    }
    status_ignore(run_back_off(r, r->attempt.state, status_label(s.code), str_from_c(s.what)));
}

void run_attempt(struct rotation *engine, struct worker *w, const struct run_claim *claim)
{
    struct run *r = calloc(1, sizeof *r);
    struct arena *arena = arena_new(RUN_ARENA_BYTES);
    if (r == NULL || arena == NULL) {
        log_event(LOG_ERROR, "rotation.no_memory", LOG_UUID("attempt", claim->attempt));
        arena_free(arena);
        free(r);
        return;
    }
    *r = (struct run){.engine = engine,
                      .worker = w,
                      .arena = arena,
                      .id = claim->attempt,
                      .fence = claim->fence,
                      .lease_end_us = claim->lease_end_us};
    struct status s = run_states(r);
    if (!status_ok(s)) {
        note_failure(r, s);
    }
    forget(r);
    arena_free(arena);
    free(r);
}
