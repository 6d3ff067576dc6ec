// SPDX-License-Identifier: ISC
#include "api/server_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/process.h"
#include "vault/base/log.h"

enum { LONGEST_TICK_US = CLOCK_SECOND, PATIENCE_US = 10 * CLOCK_SECOND };

#ifdef ROTUNDA_FAULTS
static void hang_for_tests(int64_t worker)
{
    enum { POLL_US = 10000 };
    char file[512];
    const char *prefix = getenv("ROTUNDA_TEST_HANG");
    if (prefix == NULL) {
        return;
    }
    snprintf(file, sizeof file, "%s.%d", prefix, (int)worker);
    while (access(file, F_OK) == 0) {
        usleep(POLL_US);
    }
}
#else
static void hang_for_tests(int64_t worker)
{
    (void)worker;
}
#endif

// On the worker's loop.
static void answer(struct loop_task *task)
{
    struct server_pulse *p = CONTAINER_OF(task, struct server_pulse, probe);
    struct worker *worker = &CONTAINER_OF(p, struct server_worker, pulse)->worker;
    hang_for_tests(worker->number);
    worker_look(worker);
    atomic_store(&p->asked, false); // from here on the task may be posted again
}

void server_watch_init(struct server_watch *w, struct server_worker *workers, size_t count,
                       int64_t watchdog_us)
{
    bool watched = watchdog_us != CLOCK_NEVER;
    int64_t patience_us = watched ? watchdog_us / 2 : PATIENCE_US;
    int64_t tick_us = patience_us / 2 < LONGEST_TICK_US ? patience_us / 2 : LONGEST_TICK_US;
    *w = (struct server_watch){.workers = workers,
                               .count = count,
                               .tick_us = tick_us,
                               .patience = patience_us / tick_us,
                               .watched = watched};
}

int64_t server_watch_wait_us(const struct server_watch *w)
{
    int64_t left_us = w->due_us - clock_monotonic_us();
    return left_us > 0 ? left_us : 0;
}

// Counted in looks, not in time: a process that was stopped as a whole has no worker that hangs.
static bool turns(struct server_watch *w, struct server_worker *worker)
{
    struct server_pulse *p = &worker->pulse;
    if (atomic_load(&p->asked)) {
        p->missed++;
        if (p->missed == w->patience) {
            log_event(LOG_ERROR, "server.worker_hangs", LOG_INT("worker", worker->worker.number),
                      LOG_INT("for_ms", p->missed * w->tick_us / 1000));
        }
        return p->missed < w->patience;
    }
    if (p->missed >= w->patience) {
        log_event(LOG_WARN, "server.worker_turns_again", LOG_INT("worker", worker->worker.number),
                  LOG_INT("after_ms", p->missed * w->tick_us / 1000));
    }
    p->missed = 0;
    atomic_store(&p->asked, true);
    p->probe = (struct loop_task){.run = answer};
    loop_post(worker->loop, &p->probe);
    return true;
}

void server_watch_look(struct server_watch *w)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us < w->due_us) {
        return;
    }
    w->due_us = now_us + w->tick_us;
    bool well = true;
    for (size_t i = 0; i < w->count; i++) {
        well = turns(w, &w->workers[i]) && well;
    }
    if (well && w->watched) {
        process_notify("WATCHDOG=1");
    }
}
