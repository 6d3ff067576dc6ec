// SPDX-License-Identifier: ISC
// The operator's log: one JSON object per line on standard error, written with one write(2).
// Fields are typed and there is none for a secret. Thread-safe; never blocks on memory.
//
//     log_event(LOG_WARN, "store.connect_failed", LOG_STR("host", host), LOG_INT("attempt", n));
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
