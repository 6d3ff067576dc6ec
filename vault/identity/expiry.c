// SPDX-License-Identifier: ISC
#include "vault/identity/expiry.h"

#include <stdio.h>

#include "vault/base/log.h"

enum {
    ROUND_US = CLOCK_SECOND,
    ROUND_TOKENS = 1000,
    // Longer than any request: the one that spent the last use may still be about to write.
    USED_UP_GRACE_S = 2 * LIMIT_REQUEST_DEADLINE_S,
};

#define EXPIRE_ACTOR STR("system")
#define EXPIRE_OPERATION STR("expire")
#define EXPIRE_PATH STR("auth/token/expire")

static const struct store_statement expire_tokens = {
    "token.expire", "SELECT token_expire($1, $2, $3, $4, $5, $6, $7, $8)"};

struct expiry {
    struct worker *worker;
    struct fiber_event stop;
    struct fiber_event ended;
    int64_t round_began_us;
};

struct expire_job {
    struct uuid request_id;
    int64_t chain;
    int64_t count; // removed
};

static struct status expire_work(struct session *s, void *arg)
{
    struct expire_job *job = arg;
    const struct store_value values[] = {
        store_uuid(job->request_id),       store_int(job->chain),
        store_int(KEYRING_ROOT_NAMESPACE), store_text(EXPIRE_ACTOR),
        store_text(EXPIRE_OPERATION),      store_text(EXPIRE_PATH),
        store_int(ROUND_TOKENS),           store_int(USED_UP_GRACE_S),
    };
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &expire_tokens, values, ARRAY_LEN(values), &rows));
    job->count = store_get_int(&rows, 0, 0);
    return OK_STATUS;
}

// Completes the effect that the statement left; should it fail, the effect becomes a record later.
static struct status record(struct expiry *e, const struct expire_job *job)
{
    char detail[64];
    snprintf(detail, sizeof detail, "{\"count\":%lld}", (long long)job->count);
    const struct audit_entry entry = {
        .request_id = job->request_id,
        .namespace_id = KEYRING_ROOT_NAMESPACE,
        .actor = EXPIRE_ACTOR,
        .operation = EXPIRE_OPERATION,
        .path = EXPIRE_PATH,
        .result = 204,
        .duration_us = clock_monotonic_us() - e->round_began_us,
        .effect = true,
        .detail = str_from_c(detail),
        .effect_chain = job->chain,
    };
    return audit_append(e->worker->audit, &entry);
}

static struct status run_round(struct expiry *e, int64_t *out_count)
{
    struct worker *w = e->worker;
    struct expire_job job = {.request_id = uuid_new(), .chain = audit_log_chain(w->audit)};
    TRY(store_transact(w->vault->store, expire_work, &job));
    *out_count = job.count;
    return job.count > 0 ? record(e, &job) : OK_STATUS;
}

// True when there may be more at once. Counts as an operation, so that sealing waits for it.
static bool try_round(struct expiry *e)
{
    struct worker *w = e->worker;
    if (vault_state(w->vault) != VAULT_UNSEALED || w->batch == NULL || !batch_connected(w->batch)) {
        return false;
    }
    w->operations++;
    int64_t count = 0;
    e->round_began_us = clock_monotonic_us();
    struct status s = run_round(e, &count);
    w->operations--;
    if (!status_ok(s)) {
        log_repeated(LOG_WARN, "token.expire_failed", LOG_STATUS(s));
    }
    return status_ok(s) && count >= ROUND_TOKENS;
}

static void run(void *arg)
{
    struct expiry *e = arg;
    int64_t next_us = 0;
    while (!status_ok(fiber_wait(&e->stop, next_us))) {
        bool more = try_round(e);
        next_us = loop_now_us(e->worker->loop) + (more ? 0 : ROUND_US);
    }
    fiber_signal(&e->ended);
}

struct status expiry_start(struct worker *w, struct expiry **out)
{
    struct expiry *e = calloc(1, sizeof *e);
    if (e == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    e->worker = w;
    struct status s = fiber_start(w->loop, run, e);
    if (!status_ok(s)) {
        free(e);
        return s;
    }
    *out = e;
    return OK_STATUS;
}

void expiry_stop(struct expiry *e)
{
    if (e == NULL) {
        return;
    }
    fiber_signal(&e->stop);
    status_ignore(fiber_wait(&e->ended, CLOCK_NEVER)); // can't time out
    free(e);
}
