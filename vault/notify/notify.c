// SPDX-License-Identifier: ISC
#include "vault/notify/notify.h"

#include "vault/base/log.h"
#include "vault/notify/notify_internal.h"
#include "vault/rotation/fault.h"

enum { ROUND_US = CLOCK_SECOND / 2, REMIND_US = 60 * CLOCK_SECOND };

bool notify_should_stop(const struct notify *n)
{
    return n->stopping || vault_state(n->worker->vault) != VAULT_UNSEALED;
}

static bool may_work(const struct notify *n)
{
    const struct worker *w = n->worker;
    return !notify_should_stop(n) && w->batch != NULL && batch_connected(w->batch);
}

// ---- serving one notifier

struct batch_fiber {
    struct notify *notify;
    struct batch_claims claims;
};

static void forget_busy(struct notify *n, struct uuid notifier)
{
    for (size_t i = 0; i < n->running; i++) {
        if (uuid_equal(n->busy[i], notifier)) {
            n->busy[i] = n->busy[--n->running];
            return;
        }
    }
}

static void run_batch(void *arg)
{
    struct batch_fiber *f = arg;
    struct notify *n = f->notify;
    bool more = batch_deliver(n, &f->claims);
    forget_busy(n, f->claims.items[0].notifier);
    free(f);
    n->worker->operations--; // sealing has waited for it
    if (more || n->stopping) {
        fiber_signal(&n->wake);
    }
}

// When it can't be started the lease passes, and somebody claims them again.
static void start_batch(struct notify *n, const struct batch_claims *claims)
{
    struct batch_fiber *f = calloc(1, sizeof *f);
    if (f == NULL || n->running == LIMIT_NOTIFY_RUNNING) {
        free(f);
        return;
    }
    *f = (struct batch_fiber){n, *claims};
    n->busy[n->running++] = claims->items[0].notifier;
    n->worker->operations++;
    if (!status_ok(fiber_start(n->worker->loop, run_batch, f))) {
        forget_busy(n, claims->items[0].notifier);
        n->worker->operations--;
        free(f);
    }
}

// Claims of one notifier stand together.
static void start_batches(struct notify *n, const struct delivery_round *round, int64_t began_us)
{
    size_t i = 0;
    while (i < round->count) {
        struct batch_claims claims = {.lease_end_us =
                                          began_us + DELIVERY_LEASE_S * (int64_t)CLOCK_SECOND};
        struct uuid notifier = round->claims[i].notifier;
        while (i < round->count && claims.count < DELIVERY_EACH_MAX &&
               uuid_equal(round->claims[i].notifier, notifier)) {
            claims.items[claims.count++] = round->claims[i++];
        }
        start_batch(n, &claims);
    }
}

// ---- rounds

static struct status run_round(struct notify *n)
{
    struct delivery_round round = {.node = n->worker->vault->node, .busy_count = n->running};
    int64_t began_us = clock_monotonic_us();
    for (size_t i = 0; i < n->running; i++) {
        round.busy[i] = store_uuid(n->busy[i]);
    }
    if (began_us >= n->remind_us) {
        n->remind_us = began_us + fault_remind_us(REMIND_US);
        TRY(remind_round(n));
    }
    if (n->running < LIMIT_NOTIFY_RUNNING) {
        TRY(delivery_round(n->worker->vault->store, &round));
        start_batches(n, &round, began_us);
    }
    return OK_STATUS;
}

static void try_round(struct notify *n)
{
    if (!may_work(n)) {
        return;
    }
    n->worker->operations++;
    struct status s = run_round(n);
    n->worker->operations--;
    if (!status_ok(s)) {
        log_repeated(LOG_WARN, "notify.round_failed", LOG_STATUS(s));
    }
}

static void run(void *arg)
{
    struct notify *n = arg;
    while (!n->stopping || n->running > 0) {
        try_round(n);
        status_ignore(fiber_wait(&n->wake, loop_now_us(n->worker->loop) + ROUND_US));
        n->wake = (struct fiber_event){0};
    }
    fiber_signal(&n->ended);
}

// ---- from outside

struct status notify_start(struct worker *w, struct launcher *l, struct notify **out)
{
    struct notify *n = calloc(1, sizeof *n);
    if (n == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    *n = (struct notify){.worker = w, .launcher = l};
    struct status s = fiber_start(w->loop, run, n);
    if (!status_ok(s)) {
        free(n);
        return s;
    }
    *out = n;
    return OK_STATUS;
}

void notify_stop(struct notify *n)
{
    if (n == NULL) {
        return;
    }
    n->stopping = true;
    fiber_signal(&n->wake);
    status_ignore(fiber_wait(&n->ended, CLOCK_NEVER)); // can't time out
}

void notify_free(struct notify *n)
{
    free(n);
}
