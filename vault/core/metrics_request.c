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

enum { CLASSES = 5, BUCKETS = 10 }; // 1xx to 5xx

// Upper bounds; what takes longer counts in the sum and the total only.
static const int64_t bounds_us[BUCKETS] = {500,   1000,   2500,   5000,    10000,
                                           25000, 100000, 500000, 2500000, 10000000};

struct slot {
    _Alignas(64) _Atomic uint64_t requests[ARRAY_LEN(operations)][CLASSES];
    _Atomic uint64_t buckets[BUCKETS];
    _Atomic uint64_t duration_us;
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

void metrics_count_request(int64_t worker, struct str operation, int64_t http_status,
                           int64_t duration_us)
{
    REQUIRE(worker >= 0 && worker < LIMIT_WORKERS);
    struct slot *s = &slots[worker];
    int64_t class = http_status / 100 - 1;
    bool known = class >= 0 && class < CLASSES;
    add(&s->requests[operation_index(operation)][known ? class : CLASSES - 1], 1);
    add(&s->duration_us, (uint64_t)(duration_us > 0 ? duration_us : 0));
    for (size_t i = 0; i < BUCKETS; i++) {
        if (duration_us <= bounds_us[i]) {
            add(&s->buckets[i], 1);
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

// Returns the number of all requests.
static int64_t put_counts(struct buffer *out)
{
    static const char name[] = "rotunda_requests_total";
    int64_t all = 0;
    metrics_put_head(out, name, "Requests by operation and status.", METRICS_COUNTER);
    for (size_t o = 0; o < ARRAY_LEN(operations); o++) {
        for (size_t c = 0; c < CLASSES; c++) {
            int64_t count = sum(offsetof(struct slot, requests) +
                                (o * CLASSES + c) * sizeof(slots[0].requests[0][0]));
            char labels[64];
            snprintf(labels, sizeof labels, "operation=\"%s\",status=\"%zuxx\"", operations[o],
                     c + 1);
            if (count > 0) {
                metrics_put_sample(out, name, labels, count);
            }
            all += count;
        }
    }
    return all;
}

static void put_durations(struct buffer *out, int64_t all)
{
    int64_t below = 0;
    buffer_append_c(out, "# HELP rotunda_request_duration_seconds Time from header to answer.\n"
                         "# TYPE rotunda_request_duration_seconds histogram\n");
    for (size_t i = 0; i < BUCKETS; i++) {
        char labels[32];
        below += sum(offsetof(struct slot, buckets) + i * sizeof(slots[0].buckets[0]));
        snprintf(labels, sizeof labels, "le=\"%g\"", (double)bounds_us[i] / 1e6);
        metrics_put_sample(out, "rotunda_request_duration_seconds_bucket", labels, below);
    }
    metrics_put_sample(out, "rotunda_request_duration_seconds_bucket", "le=\"+Inf\"", all);
    metrics_put_seconds(out, "rotunda_request_duration_seconds_sum", NULL,
                        sum(offsetof(struct slot, duration_us)));
    metrics_put_sample(out, "rotunda_request_duration_seconds_count", NULL, all);
}

void metrics_put_requests(struct buffer *out)
{
    put_durations(out, put_counts(out));
}
