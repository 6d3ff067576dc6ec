// SPDX-License-Identifier: ISC
// Numbers for monitoring, in Prometheus' text format (version 0.0.4).
//
// Who counts something per worker registers a function that reads it; there is one registry per
// process, filled by the composition root before the workers run and only read from then on. The
// functions are called on the worker's own thread, so what they read needs no lock.
#pragma once

#include "vault/base/buffer.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct worker;

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE };

// Name and help are literals; names begin with rotunda_, those of counters end in _total.
struct metrics_source {
    const char *name;
    const char *help;
    enum metrics_kind kind;
    int64_t (*read)(void *ctx, const struct worker *w);
    void *ctx;
};
enum { METRICS_SOURCES_MAX = 64 };
void metrics_register(const struct metrics_source *source);
size_t metrics_source_count(void);
const struct metrics_source *metrics_source_at(size_t i);

// What isn't counted per worker: writes heads and samples by itself. Any thread.
struct metrics_section {
    void (*put)(void *ctx, struct buffer *out);
    void *ctx;
};
enum { METRICS_SECTIONS_MAX = 4 };
void metrics_register_section(struct metrics_section section);
void metrics_put_sections(struct buffer *out);

// The head of a metric, then its samples. `labels` is text of ours like worker="0"; NULL for none.
void metrics_put_head(struct buffer *out, const char *name, const char *help,
                      enum metrics_kind kind);
void metrics_put_sample(struct buffer *out, const char *name, const char *labels, int64_t value);
// One label, whose value may hold anything: it is escaped.
void metrics_put_labelled(struct buffer *out, const char *name, const char *label,
                          struct str label_value, int64_t value);
// A head and one sample without labels.
void metrics_put_single(struct buffer *out, const char *name, const char *help,
                        enum metrics_kind kind, int64_t value);
// A sample of microseconds, written in seconds.
void metrics_put_seconds(struct buffer *out, const char *name, const char *labels, int64_t us);

// What the system says of the process: memory, processor time, when it was started.
void metrics_put_process(struct buffer *out);
