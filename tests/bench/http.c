// SPDX-License-Identifier: ISC
// The HTTP layer alone: a fiber per request that answers a constant, one worker per thread. Against
// bench_ceiling it shows what our part of the path costs.
//
//     bench_http [address [workers [cert key]]]
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http/http_server.h"

enum { ANSWER_BYTES = 340, WORKERS_MAX = 64 };

static void respond(void *ctx, struct http_request *req, struct http_response *res)
{
    (void)ctx;
    (void)req;
    uint8_t *at = buffer_extend(&res->body, ANSWER_BYTES);
    if (at != NULL) {
        memset(at, 'x', ANSWER_BYTES);
    }
}

static void fail(struct status s)
{
    fprintf(stderr, "bench_http: %s\n", s.what);
    exit(1);
}

static void *serve(void *listener)
{
    struct loop *loop;
    struct http_worker *worker;
    struct status s = loop_new(&loop);
    if (status_ok(s)) {
        s = http_worker_new(listener, loop, (struct http_service){respond, NULL}, &worker);
    }
    if (!status_ok(s)) {
        fail(s);
    }
    loop_run(loop);
    return NULL;
}

int main(int argc, char **argv)
{
    struct http_listener_options options = {
        .address = str_from_c(argc > 1 ? argv[1] : "127.0.0.1:8291"),
        .tls_cert_file = argc > 4 ? argv[3] : NULL,
        .tls_key_file = argc > 4 ? argv[4] : NULL,
        .limits = http_limits_default(),
    };
    long workers = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    struct http_listener *listener;
    struct status s = http_listener_open(&options, &listener);
    if (!status_ok(s)) {
        fail(s);
    }
    printf("ready %u\n", (unsigned)http_listener_port(listener));
    fflush(stdout);
    for (long i = 1; i < workers && i < WORKERS_MAX; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, listener) != 0) {
            return 1;
        }
    }
    serve(listener);
    return 0;
}
