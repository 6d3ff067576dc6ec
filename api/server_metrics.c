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

// Member of struct http_stats, name of the metric, help.
#define HTTP_METRICS_TABLE(X)                                                                      \
    X(accepted, "connections_accepted", "Connections accepted.")                                   \
    X(refused_connections, "connections_refused", "Connections refused over a limit.")             \
    X(requests, "requests", "Requests handed to the API.")                                         \
    X(refused_requests, "requests_refused", "Requests refused before that: 400, 405, 413, 503.")   \
    X(malformed, "requests_malformed", "Connections closed for what isn't HTTP.")                  \
    X(timeouts, "timeouts", "Connections closed at a deadline.")                                   \
    X(abandoned, "requests_abandoned", "Requests whose client left before the answer.")            \
    X(body_bytes_in, "received_bytes", "Bytes of bodies received.")                                \
    X(body_bytes_out, "sent_bytes", "Bytes of bodies sent.")

#define X(name, metric, help)                                                                      \
    static int64_t read_##name(void *ctx, const struct worker *w)                                  \
    {                                                                                              \
        const struct server_worker *workers = ctx;                                                 \
        return (int64_t)stats_of(&workers[w->number]).name;                                        \
    }
HTTP_METRICS_TABLE(X)
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

static void put_certificates(void *ctx, struct buffer *out)
{
    static const char name[] = "rotunda_tls_certificate_expiry_seconds";
    const struct server_listeners *l = ctx;
    bool headed = false;
    for (size_t i = 0; i < l->count; i++) {
        int64_t expires_s = http_listener_expires_s(l->open[i]);
        if (expires_s == 0) {
            continue;
        }
        if (!headed) {
            metrics_put_head(out, name, "When a listener's certificate ends, since 1970.",
                             METRICS_GAUGE);
            headed = true;
        }
        metrics_put_labelled(out, name, "address", l->address[i], expires_s);
    }
}

void server_metrics_register(struct server_worker *workers, struct server_listeners *listeners)
{
    metrics_register_section((struct metrics_section){.put = put_certificates, .ctx = listeners});
    static const struct metrics_source sources[] = {
#define X(name, metric, help)                                                                      \
    {"rotunda_http_" metric "_total", help, METRICS_COUNTER, read_##name, NULL},
        HTTP_METRICS_TABLE(X)
#undef X
            {"rotunda_http_connections", "Open connections.", METRICS_GAUGE, read_connections,
             NULL},
    };
    // All that it counts, and the connections.
    _Static_assert(ARRAY_LEN(sources) == sizeof(struct http_stats) / sizeof(uint64_t) + 1,
                   "a figure of the HTTP server has no metric");
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        struct metrics_source source = sources[i];
        source.ctx = workers;
        metrics_register(&source);
    }
}
