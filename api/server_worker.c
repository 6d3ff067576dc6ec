// SPDX-License-Identifier: ISC
#include "api/server_worker.h"

#include "vault/base/log.h"
#include "vault/rotation/feed.h"
#include "vault/rotation/readers.h"

enum { DRAIN_POLL_US = 5000 };

static struct status open_http(struct server_worker *w, const struct server_listeners *listeners)
{
    const struct http_service service = {.handle = dispatch_serve, .ctx = &w->service};
    for (size_t i = 0; i < listeners->count; i++) {
        TRY(http_worker_new(listeners->open[i], w->loop, service, &w->http[i]));
        w->http_count++;
    }
    return OK_STATUS;
}

struct status server_worker_init(struct server_worker *w, struct vault *v, int64_t number,
                                 struct dispatch *d, const struct server_listeners *listeners)
{
    TRY(loop_new(&w->loop));
    TRY(worker_init(&w->worker, v, number, w->loop));
    w->service = (struct dispatch_worker){.dispatch = d, .worker = &w->worker};
    return open_http(w, listeners);
}

struct status server_worker_add_background(struct server_worker *w,
                                           const struct background_options *options)
{
    return background_start(&w->worker, options, &w->background);
}

static void *run(void *arg)
{
    struct server_worker *w = arg;
    loop_run(w->loop);
    return NULL;
}

struct status server_worker_start(struct server_worker *w)
{
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        FAIL(UNAVAILABLE, "a worker's thread can't be started");
    }
    w->started = true;
    return OK_STATUS;
}

static void count_drained(void *ctx)
{
    struct server_worker *w = ctx;
    w->undrained--;
}

static void drain(struct server_worker *w)
{
    w->undrained = w->http_count;
    for (size_t i = 0; i < w->http_count; i++) {
        http_worker_drain(w->http[i], count_drained, w);
    }
    while (w->undrained > 0 && loop_now_us(w->loop) < w->stop->deadline_us) {
        fiber_sleep_until(loop_now_us(w->loop) + DRAIN_POLL_US);
    }
    if (w->undrained > 0) {
        log_event(LOG_WARN, "server.drain_cut", LOG_INT("worker", w->worker.number));
    }
    atomic_fetch_sub(&w->stop->serving, 1);
}

// Requests and the background of one worker hand work to the others (crew.h), and wait for it.
static void wait_for_others(struct server_worker *w)
{
    atomic_fetch_sub(&w->stop->busy, 1);
    while (atomic_load(&w->stop->busy) > 0) {
        fiber_sleep_until(loop_now_us(w->loop) + DRAIN_POLL_US);
    }
}

// A fiber: the loop ends when it does.
static void stop_fiber(void *arg)
{
    struct server_worker *w = arg;
    feed_stop(&w->worker);
    drain(w);
    background_stop(w->background);
    wait_for_others(w);
    feed_end(&w->worker);
    worker_seal(&w->worker);
    loop_stop(w->loop);
}

static void on_stop(struct loop_task *task)
{
    struct server_worker *w = CONTAINER_OF(task, struct server_worker, stop_task);
    if (!status_ok(fiber_start(w->loop, stop_fiber, w))) {
        atomic_fetch_sub(&w->stop->serving, 1);
        atomic_fetch_sub(&w->stop->busy, 1);
        loop_stop(w->loop);
    }
}

void server_worker_stop(struct server_worker *w, struct server_stop *stop)
{
    w->stop = stop;
    w->stop_task = (struct loop_task){.run = on_stop};
    loop_post(w->loop, &w->stop_task);
}

void server_worker_join(struct server_worker *w)
{
    if (w->started) {
        pthread_join(w->thread, NULL);
    }
}

void server_worker_done(struct server_worker *w)
{
    for (size_t i = 0; i < w->http_count; i++) {
        http_worker_free(w->http[i]);
    }
    background_free(w->background);
    feed_free(&w->worker);
    readers_free(&w->worker);
    worker_done(&w->worker);
    loop_free(w->loop);
}
