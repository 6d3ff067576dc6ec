// SPDX-License-Identifier: ISC
#include "vault/core/worker.h"

#include "vault/audit/keeper.h"
#include "vault/base/limits.h"
#include "vault/base/log.h"
#include "vault/core/sealing.h"

enum { POLL_US = 2000 };

struct catalog_waiter {
    struct fiber_event loaded;
    struct catalog_waiter *next;
};

struct status worker_init(struct worker *w, struct vault *v, int64_t number, struct loop *loop)
{
    *w = (struct worker){.vault = v, .number = number, .loop = loop};
    const struct audit_log_options options = {
        .loop = loop, .signer = v->signer, .sinks = v->sinks, .node = v->node, .worker = number};
    return audit_log_new(&options, &w->audit);
}

void worker_done(struct worker *w)
{
    catalog_release(w->catalog);
    audit_log_free(w->audit);
}

// One worker of the node looks after the audit log.
static bool has_keeper(const struct worker *w)
{
    return w->number == 0 && w->vault->keeper != NULL;
}

struct status worker_unseal(struct worker *w, int64_t deadline_us)
{
    if (w->batch == NULL) {
        const struct batch_options options = {.loop = w->loop,
                                              .offload = w->vault->offload,
                                              .config = store_config(w->vault->store),
                                              .barrier = audit_log_barrier(),
                                              .barrier_ctx = w->audit};
        TRY(batch_new(&options, &w->batch));
        audit_log_attach(w->audit, w->batch);
    }
    if (has_keeper(w)) {
        TRY(audit_keeper_start(w->vault->keeper, w->loop,
                               w->audit)); // waits for its chain by itself
    }
    // It may be sealed again while this waits.
    while (w->batch == NULL || !batch_connected(w->batch)) {
        if (w->batch == NULL) {
            FAIL(SEALED, "the vault was sealed meanwhile");
        }
        if (loop_now_us(w->loop) >= deadline_us) {
            FAIL(UNAVAILABLE, "the database can't be reached");
        }
        fiber_sleep_until(loop_now_us(w->loop) + POLL_US);
    }
    return OK_STATUS;
}

void worker_seal(struct worker *w)
{
    if (has_keeper(w)) {
        audit_keeper_stop(w->vault->keeper);
    }
    while (w->operations > 0) {
        fiber_sleep_until(loop_now_us(w->loop) + POLL_US);
    }
    if (w->batch != NULL) {
        audit_log_close(w->audit);
        struct batch *b = TAKE(w->batch);
        audit_log_attach(w->audit, NULL);
        batch_close(b);
        batch_free(b);
    }
    catalog_release(w->catalog);
    w->catalog = NULL;
}

void worker_look(struct worker *w)
{
    atomic_store(&w->database_away, w->batch != NULL && !batch_connected(w->batch));
}

struct load_job {
    struct vault *vault;
    struct catalog *catalog;
};

static struct status load_work(struct session *s, void *arg)
{
    struct load_job *job = arg;
    struct catalog *loaded CLEANUP(catalog_cleanup) = NULL;
    TRY(catalog_load(job->vault->keyring, s, &loaded));
    // Afterwards: the keys that the catalog's epoch came with are there by then.
    TRY(sealing_reload_keys(job->vault, s));
    job->catalog = TAKE(loaded);
    return OK_STATUS;
}

static void wake_waiters(struct worker *w)
{
    struct catalog_waiter *waiter = w->catalog_waiters;
    w->catalog_waiters = NULL;
    while (waiter != NULL) {
        struct catalog_waiter *next = waiter->next;
        fiber_signal(&waiter->loaded);
        waiter = next;
    }
}

static struct status load(struct worker *w)
{
    struct load_job job = {.vault = w->vault};
    int64_t floor = vault_epoch_seen(w->vault);
    w->catalog_loading = true;
    struct status s = store_run(w->vault->store, load_work, &job);
    w->catalog_loading = false;
    if (status_ok(s) && catalog_epoch(job.catalog) < floor) {
        catalog_release(job.catalog);
        s = MAKE_STATUS(INTEGRITY, "the database went back to an older state: restart this node if "
                                   "a fail-over lost something");
    }
    if (status_ok(s)) {
        catalog_release(w->catalog);
        w->catalog = job.catalog;
        vault_epoch_see(w->vault, catalog_epoch(w->catalog));
    } else {
        log_repeated(LOG_ERROR, "catalog.load_failed", LOG_STATUS(s));
    }
    wake_waiters(w);
    return s;
}

static struct status wait_for_load(struct worker *w)
{
    struct catalog_waiter waiter = {.next = w->catalog_waiters};
    w->catalog_waiters = &waiter;
    return fiber_wait(&waiter.loaded, CLOCK_NEVER);
}

struct status worker_catalog(struct worker *w, int64_t epoch, struct catalog **out)
{
    // Twice: a load that was under way may have begun before `epoch` was reached.
    for (int attempt = 0; attempt < 2; attempt++) {
        if (w->catalog != NULL && catalog_epoch(w->catalog) >= epoch) {
            break;
        }
        TRY(w->catalog_loading ? wait_for_load(w) : load(w));
    }
    if (w->catalog == NULL || catalog_epoch(w->catalog) < epoch) {
        FAIL(UNAVAILABLE, "mounts and policies can't be loaded, try again");
    }
    *out = catalog_retain(w->catalog);
    return OK_STATUS;
}
