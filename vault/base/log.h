// SPDX-License-Identifier: ISC
// The operator's log: one JSON object per line on standard error, written with one write(2).
// Fields are typed and there is none for a secret. Thread-safe; never blocks on memory.
//
//     log_event(LOG_INFO, "server.ready", LOG_STR("node", name), LOG_INT("workers", n));
//
// What is said again and again while something is wrong, by each request or each attempt, is said
// with log_repeated(): of each event a burst of lines is written, then one a second
// (log_budget.h); the others are counted, and the counts become lines of their own:
//
// Not for what was found altered: that is evidence, and nobody shall hide one line behind others.
//
//     "event":"log.suppressed","of":"audit.append_failed","lines":8123
//     "event":"log.suppression_ended","of":"audit.append_failed","lines":9001,"from":...,"until":...
#pragma once

#include "vault/base/bytes.h"
#include "vault/base/macros.h"
#include "vault/base/uuid.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_kind { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_UUID, LOG_KIND_STATUS };

struct log_field {
    const char *name;
    enum log_kind kind;
    struct str text;
    int64_t number;
    struct uuid id;
    struct status status;
};

#define LOG_STR(n, v) ((struct log_field){.name = (n), .kind = LOG_KIND_STR, .text = (v)})
#define LOG_INT(n, v)                                                                              \
    ((struct log_field){.name = (n), .kind = LOG_KIND_INT, .number = (int64_t)(v)})
#define LOG_UUID(n, v) ((struct log_field){.name = (n), .kind = LOG_KIND_UUID, .id = (v)})
#define LOG_STATUS(v) ((struct log_field){.name = "error", .kind = LOG_KIND_STATUS, .status = (v)})

void log_set_level(enum log_level least); // INFO until set
struct status log_level_parse(struct str text, enum log_level *out);

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count);
#define log_event(level, event, ...)                                                               \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__},                           \
              ARRAY_LEN(((const struct log_field[]){__VA_ARGS__})))
void log_write_repeated(enum log_level level, const char *event, const struct log_field *fields,
                        size_t count);
#define log_repeated(level, event, ...)                                                            \
    log_write_repeated((level), (event), (const struct log_field[]){__VA_ARGS__},                  \
                       ARRAY_LEN(((const struct log_field[]){__VA_ARGS__})))
// From time to time, by one thread: writes the sums that are due.
void log_sum_up(void);
// At the end: writes all of them.
void log_sum_up_all(void);
int64_t log_suppressed_lines(void); // since the start
