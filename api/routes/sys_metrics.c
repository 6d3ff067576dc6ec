// SPDX-License-Identifier: ISC
// sys/metrics: what this node counts, for Prometheus.
#include <stdio.h>

#include "api/routes/route_tables.h"
#include "api/routes/sys_metrics_figures.h"
#include "api/routes/sys_metrics_node.h"
#include "vault/core/crew.h"
#include "vault/core/metrics.h"
#include "vault/core/metrics_request.h"

static struct batch_stats batch_of(const struct worker *w)
{
    struct batch_stats none = {0};
    return w->batch == NULL ? none : batch_stats(w->batch);
}

static int64_t epoch_of(const struct worker *w)
{
    return w->catalog == NULL ? 0 : catalog_epoch(w->catalog);
}

// Of each worker.
#define SOURCE_TABLE(X)                                                                            \
    X(batch_flights_total, COUNTER, "Round trips of the batch connection.", batch_of(w).flights)   \
    X(batch_loads_total, COUNTER, "Loads and queries in batches.", batch_of(w).loads)              \
    X(batch_writes_total, COUNTER, "Writes in batches.", batch_of(w).writes)                       \
    X(batch_barriers_total, COUNTER, "Commit barriers.", batch_of(w).barriers)                     \
    X(batch_retries_total, COUNTER, "Statements tried again alone.", batch_of(w).retries)          \
    X(batch_connections_total, COUNTER, "Batch connections made.", batch_of(w).connections)        \
    X(batch_connected, GAUGE, "1 while the batch connection stands.",                              \
      w->batch != NULL && batch_connected(w->batch))                                               \
    X(batch_queued, GAUGE, "Loads and writes that wait for a flight.", batch_of(w).queued)         \
    X(audit_records_total, COUNTER, "Audit records appended.", audit_log_stats(w->audit).appended) \
    X(audit_waiting, GAUGE, "Audit records that wait for a barrier.",                              \
      audit_log_stats(w->audit).waiting)                                                           \
    X(unauthenticated_failures_total, COUNTER, "Requests that failed without a valid token.",      \
      audit_log_stats(w->audit).failures)                                                          \
    X(unauthenticated_failures_summed_total, COUNTER,                                              \
      "Those of them that are only counted in a summary record.",                                  \
      audit_log_stats(w->audit).summed)                                                            \
    X(operations, GAUGE, "Authorised requests under way.", w->operations)                          \
    X(fibers, GAUGE, "Fibers under way.", fiber_count(w->loop))                                    \
    X(catalog_epoch, GAUGE, "Epoch of the mounts and policies in use.", epoch_of(w))

#define X(name, kind, help, value)                                                                 \
    static int64_t read_##name(void *ctx, const struct worker *w)                                  \
    {                                                                                              \
        (void)ctx;                                                                                 \
        return (int64_t)(value);                                                                   \
    }
SOURCE_TABLE(X)
#undef X

static const struct metrics_source own_sources[] = {
#define X(name, kind, help, value) {"rotunda_" #name, help, METRICS_##kind, read_##name, NULL},
    SOURCE_TABLE(X)
#undef X
};

static size_t count_sources(void)
{
    return ARRAY_LEN(own_sources) + metrics_source_count();
}

static const struct metrics_source *source_at(size_t i)
{
    return i < ARRAY_LEN(own_sources) ? &own_sources[i]
                                      : metrics_source_at(i - ARRAY_LEN(own_sources));
}

// One row per source, one column per worker: each writes its own column only.
struct readings {
    int64_t *values;
    size_t workers;
};

static struct status read_worker(struct worker *w, void *arg)
{
    const struct readings *r = arg;
    for (size_t i = 0; i < count_sources(); i++) {
        const struct metrics_source *source = source_at(i);
        r->values[i * r->workers + (size_t)w->number] = source->read(source->ctx, w);
    }
    return OK_STATUS;
}

static void put_source(struct buffer *out, const struct metrics_source *source,
                       const int64_t *values, size_t workers)
{
    metrics_put_head(out, source->name, source->help, source->kind);
    for (size_t i = 0; i < workers; i++) {
        char labels[32];
        snprintf(labels, sizeof labels, "worker=\"%zu\"", i);
        metrics_put_sample(out, source->name, labels, values[i]);
    }
}

static struct status put_workers(struct operation *op, struct buffer *out)
{
    struct vault *v = op->worker->vault;
    struct readings r = {.workers = v->worker_count};
    r.values = ARENA_ARRAY(op->arena, int64_t, count_sources() * r.workers);
    if (r.values == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    TRY(crew_run(v, read_worker, &r));
    for (size_t i = 0; i < count_sources(); i++) {
        put_source(out, source_at(i), r.values + i * r.workers, r.workers);
    }
    return OK_STATUS;
}

static struct status get_metrics(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    TRY(operation_enter(op, POLICY_OP_READ));
    struct str format = route_query(req, "format");
    if (format.len > 0 && !str_equal_c(format, "prometheus")) {
        FAIL(INVALID, "the only format is prometheus");
    }
    buffer_clear(&res->body);
    sys_metrics_put_node(op->worker->vault, &res->body);
    metrics_put_requests(&res->body);
    sys_metrics_put_figures(op->worker->vault, &res->body);
    TRY(put_workers(op, &res->body));
    metrics_put_sections(&res->body);
    metrics_put_process(&res->body);
    res->content_type = METRICS_CONTENT_TYPE;
    return buffer_status(&res->body);
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "metrics", get_metrics, ROUTE_PLAIN},
};

const struct route_table sys_metrics_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
