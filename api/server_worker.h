// SPDX-License-Identifier: ISC
// The threads of the server: each runs one loop with one worker and serves every listener.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "api/background.h"
#include "api/http/http_server.h"
#include "api/routes/dispatch.h"
#include "api/server_stop.h"
#include "vault/base/config.h"

struct server_listeners {
    struct http_listener *open[CONFIG_LISTENERS];
    struct str address[CONFIG_LISTENERS]; // as configured
    size_t count;
};

// Does the loop turn? For server_watch.c.
struct server_pulse {
    struct loop_task probe;
    atomic_bool asked; // and not answered yet
    int64_t missed;    // looks since then; the main thread's
};

struct server_worker {
    struct worker worker;
    struct loop *loop;
    struct dispatch_worker service;
    struct http_worker *http[CONFIG_LISTENERS];
    size_t http_count;
    size_t undrained;
    struct background *background; // worker 0 only
    pthread_t thread;
    bool started;
    struct loop_task stop_task;
    struct server_stop *stop; // NULL until it is told
    struct server_pulse pulse;
};

struct status server_worker_init(struct server_worker *w, struct vault *v, int64_t number,
                                 struct dispatch *d, const struct server_listeners *listeners);
// What the node does by itself, on this worker.
struct status server_worker_add_background(struct server_worker *w,
                                           const struct background_options *options);
struct status server_worker_start(struct server_worker *w);
// Any thread: finishes what is running, refuses what is new, disconnects, ends the loop. `stop` is
// shared by all workers that were started, and each has to be told.
void server_worker_stop(struct server_worker *w, struct server_stop *stop);
void server_worker_join(struct server_worker *w);
void server_worker_done(struct server_worker *w);
