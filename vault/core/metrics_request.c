// SPDX-License-Identifier: ISC
#include "vault/core/metrics_request.h"

#include <stdatomic.h>
#include <stdio.h>

#include "vault/base/limits.h"
#include "vault/base/macros.h"
#include "vault/core/metrics.h"

#define OPERATION_TABLE(X)                                                                         \
    X(read)                                                                                        \
    X(create)                                                                                      \
    X(update)                                                                                      \
    X(patch)                                                                                       \
    X(delete)                                                                                      \
    X(list)                                                                                        \
    X(scan)                                                                                        \
    X(other)

static const char *const operations[] = {
#define X(name) #name,
    OPERATION_TABLE(X)
#undef X
};

// What the API answers (vault/base/status.h, sys/health); anything else is "other".
static const int codes[] = {200, 202, 204, 400, 403, 404, 405, 409, 412,
                            413, 429, 500, 501, 502, 503, 504, 507, 0};

enum { BUCKETS = 10 };

// Upper bounds; what takes longer counts in the sum and the total only.
static const int64_t bounds_us[BUCKETS] = {500,   1000,   2500,   5000,    10000,
                                           25000, 100000, 500000, 2500000, 10000000};

struct slot {
    _Alignas(64) _Atomic uint64_t requests[ARRAY_LEN(operations)][ARRAY_LEN(codes)];
    _Atomic uint64_t buckets[ARRAY_LEN(operations)][BUCKETS];
    _Atomic uint64_t duration_us[ARRAY_LEN(operations)];
};

static struct slot slots[LIMIT_WORKERS];

static void add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static size_t operation_index(struct str name)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(operations) && !str_equal_c(name, operations[i])) {
        i++;
    }
    return i;
}

static size_t code_index(int64_t code)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(codes) && codes[i] != code) {
        i++;
    }
    return i;
}

void metrics_count_request(int64_t worker, struct str operation, int64_t http_status,
                           int64_t duration_us)
{
    REQUIRE(worker >= 0 && worker < LIMIT_WORKERS);
    struct slot *s = &slots[worker];
    size_t o = operation_index(operation);
    add(&s->requests[o][code_index(http_status)], 1);
    add(&s->duration_us[o], (uint64_t)(duration_us > 0 ? duration_us : 0));
    for (size_t i = 0; i < BUCKETS; i++) {
        if (duration_us <= bounds_us[i]) {
            add(&s->buckets[o][i], 1);
            break;
        }
    }
}

static int64_t sum(size_t offset)
{
    uint64_t total = 0;
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        const _Atomic uint64_t *counter = (const void *)((const char *)&slots[i] + offset);
        total += atomic_load_explicit(counter, memory_order_relaxed);
    }
    return (int64_t)total;
}

// `out_counts` receives the number of requests of each operation.
static void put_counts(struct buffer *out, int64_t out_counts[ARRAY_LEN(operations)])
{
    static const char name[] = "rotunda_requests_total";
    metrics_put_head(out, name, "Requests by operation and HTTP status code.", METRICS_COUNTER);
    for (size_t o = 0; o < ARRAY_LEN(operations); o++) {
        out_counts[o] = 0;
        for (size_t c = 0; c < ARRAY_LEN(codes); c++) {
            int64_t count = sum(offsetof(struct slot, requests) +
                                (o * ARRAY_LEN(codes) + c) * sizeof(slots[0].requests[0][0]));
            char code[8] = "other";
            if (codes[c] != 0) {
                snprintf(code, sizeof code, "%d", codes[c]);
            }
            char labels[64];
            snprintf(labels, sizeof labels, "operation=\"%s\",code=\"%s\"", operations[o], code);
            if (count > 0) {
                metrics_put_sample(out, name, labels, count);
            }
            out_counts[o] += count;
        }
    }
}

static void put_histogram(struct buffer *out, size_t o, int64_t count)
{
    char labels[64];
    int64_t below = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        below += sum(offsetof(struct slot, buckets) +
                     (o * BUCKETS + i) * sizeof(slots[0].buckets[0][0]));
        snprintf(labels, sizeof labels, "operation=\"%s\",le=\"%g\"", operations[o],
                 (double)bounds_us[i] / 1e6);
        metrics_put_sample(out, "rotunda_request_duration_seconds_bucket", labels, below);
    }
    snprintf(labels, sizeof labels, "operation=\"%s\",le=\"+Inf\"", operations[o]);
    // Counted apart: what a scrape reads while requests end must still add up.
    int64_t all = count > below ? count : below;
    metrics_put_sample(out, "rotunda_request_duration_seconds_bucket", labels, all);
    snprintf(labels, sizeof labels, "operation=\"%s\"", operations[o]);
    metrics_put_seconds(
        out, "rotunda_request_duration_seconds_sum", labels,
        sum(offsetof(struct slot, duration_us) + o * sizeof(slots[0].duration_us[0])));
    metrics_put_sample(out, "rotunda_request_duration_seconds_count", labels, all);
}

void metrics_put_requests(struct buffer *out)
{
    int64_t counts[ARRAY_LEN(operations)];
    put_counts(out, counts);
    buffer_append_c(out, "# HELP rotunda_request_duration_seconds Time from header to answer.\n"
                         "# TYPE rotunda_request_duration_seconds histogram\n");
    for (size_t o = 0; o < ARRAY_LEN(operations); o++) {
        if (counts[o] > 0) {
            put_histogram(out, o, counts[o]);
        }
    }
}
