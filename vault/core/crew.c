// SPDX-License-Identifier: ISC
#include "vault/core/crew.h"

#include "vault/base/limits.h"
#include "vault/core/sealing.h"

enum { CONNECT_WAIT_US = 5 * CLOCK_SECOND };

// One worker's part. It travels to the worker's loop and back; the caller's stack holds it.
struct crew_part {
    struct loop_task there;
    struct loop_task back;
    struct worker *worker;
    struct loop *origin;
    struct status (*work)(struct worker *w, void *arg);
    void *arg;
    struct status outcome;
    struct fiber_event done;
};

static void came_back(struct loop_task *task)
{
    fiber_signal(&CONTAINER_OF(task, struct crew_part, back)->done);
}

static void run_part(void *arg)
{
    struct crew_part *part = arg;
    part->outcome = part->work(part->worker, part->arg);
    loop_post(part->origin, &part->back);
}

static void arrived(struct loop_task *task)
{
    struct crew_part *part = CONTAINER_OF(task, struct crew_part, there);
    struct status s = fiber_start(part->worker->loop, run_part, part);
    if (!status_ok(s)) {
        part->outcome = s;
        loop_post(part->origin, &part->back);
    }
}

struct status crew_run(struct vault *v, struct status (*work)(struct worker *w, void *arg),
                       void *arg)
{
    struct crew_part parts[LIMIT_WORKERS];
    REQUIRE(v->worker_count <= ARRAY_LEN(parts));
    for (size_t i = 0; i < v->worker_count; i++) {
        parts[i] = (struct crew_part){.there = {.run = arrived},
                                      .back = {.run = came_back},
                                      .worker = v->workers[i],
                                      .origin = fiber_loop(),
                                      .work = work,
                                      .arg = arg};
        loop_post(v->workers[i]->loop, &parts[i].there);
    }
    struct status first = OK_STATUS;
    for (size_t i = 0; i < v->worker_count; i++) {
        status_ignore(fiber_wait(&parts[i].done, CLOCK_NEVER)); // can't time out
        first = status_ok(first) ? parts[i].outcome : first;
    }
    return first;
}

static struct status unseal_one(struct worker *w, void *arg)
{
    const int64_t *deadline_us = arg;
    return worker_unseal(w, *deadline_us);
}

struct status crew_unseal(struct vault *v)
{
    int64_t deadline_us = clock_monotonic_us() + CONNECT_WAIT_US;
    return crew_run(v, unseal_one, &deadline_us);
}

static struct status seal_one(struct worker *w, void *arg)
{
    (void)arg;
    worker_seal(w);
    return OK_STATUS;
}

static struct status close_keys(void *arg)
{
    sealing_close(arg);
    return OK_STATUS;
}

void crew_seal(struct vault *v)
{
    sealing_refuse(v->sealing);
    // Neither can fail: sealing has no work of its own that may.
    status_ignore(crew_run(v, seal_one, NULL));
    status_ignore(offload_run(v->offload, close_keys, v->sealing));
}
