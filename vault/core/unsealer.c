// SPDX-License-Identifier: ISC
#include "vault/core/unsealer.h"

#include <stdlib.h>

#include "vault/base/log.h"
#include "vault/core/crew.h"
#include "vault/core/sealing.h"

enum { RETRY_US = 2 * CLOCK_SECOND };

struct unsealer {
    struct worker *worker;
    bool pending; // the offload thread's while it tries
    struct fiber_event stop;
    struct fiber_event ended;
};

bool unsealer_try(struct vault *v)
{
    if (vault_state(v) < VAULT_SEALED) {
        status_ignore(sealing_refresh(v->sealing)); // tried again soon
    }
    if (vault_state(v) != VAULT_SEALED) {
        return vault_state(v) < VAULT_SEALED;
    }
    struct status opened = sealing_open_static(v->sealing);
    if (!status_ok(opened)) {
        log_event(LOG_ERROR, "seal.unseal_failed", LOG_STATUS(opened));
    }
    return status_retryable(opened.code);
}

static struct status try_blocking(void *arg)
{
    struct unsealer *u = arg;
    u->pending = unsealer_try(u->worker->vault);
    return OK_STATUS;
}

static void run(void *arg)
{
    struct unsealer *u = arg;
    struct worker *w = u->worker;
    while (u->pending && !status_ok(fiber_wait(&u->stop, loop_now_us(w->loop) + RETRY_US))) {
        status_ignore(offload_run(w->vault->offload, try_blocking, u)); // tried again soon
        if (vault_state(w->vault) == VAULT_UNSEALED && !u->stop.set) {
            status_ignore(crew_unseal(w->vault)); // the workers go on trying by themselves
        }
    }
    fiber_signal(&u->ended);
}

struct status unsealer_start(struct worker *w, struct unsealer **out)
{
    struct unsealer *u = calloc(1, sizeof *u);
    if (u == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    *u = (struct unsealer){.worker = w, .pending = true};
    struct status s = fiber_start(w->loop, run, u);
    if (!status_ok(s)) {
        free(u);
        return s;
    }
    *out = u;
    return OK_STATUS;
}

void unsealer_stop(struct unsealer *u)
{
    if (u == NULL) {
        return;
    }
    fiber_signal(&u->stop);
    status_ignore(fiber_wait(&u->ended, CLOCK_NEVER)); // can't time out
    free(u);
}
