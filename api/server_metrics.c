// SPDX-License-Identifier: ISC
#include "api/server_metrics.h"

#include "vault/core/metrics.h"

// Over all listeners of one worker.
static struct http_stats stats_of(const struct server_worker *s)
{
    struct http_stats sum = {0};
    for (size_t i = 0; i < s->http_count; i++) {
        struct http_stats one;
        http_worker_stats(s->http[i], &one);
#define X(name) sum.name += one.name;
        HTTP_STATS_TABLE(X)
#undef X
    }
    return sum;
}

#define X(name)                                                                                    \
    static int64_t read_##name(void *ctx, const struct worker *w)                                  \
    {                                                                                              \
        const struct server_worker *workers = ctx;                                                 \
        return (int64_t)stats_of(&workers[w->number]).name;                                        \
    }
HTTP_STATS_TABLE(X)
#undef X

static int64_t read_connections(void *ctx, const struct worker *w)
{
    const struct server_worker *workers = ctx;
    const struct server_worker *s = &workers[w->number];
    size_t sum = 0;
    for (size_t i = 0; i < s->http_count; i++) {
        sum += http_worker_connections(s->http[i]);
    }
    return (int64_t)sum;
}

void server_metrics_register(struct server_worker *workers)
{
    static const struct metrics_source sources[] = {
#define X(name)                                                                                    \
    {"rotunda_http_" #name "_total", "HTTP server: " #name ".", METRICS_COUNTER, read_##name, NULL},
        HTTP_STATS_TABLE(X)
#undef X
            {"rotunda_http_connections", "Open connections.", METRICS_GAUGE, read_connections,
             NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        struct metrics_source source = sources[i];
        source.ctx = workers;
        metrics_register(&source);
    }
}
