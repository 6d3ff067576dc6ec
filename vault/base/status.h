// SPDX-License-Identifier: ISC
// The one result type. A status is 16 bytes, travels in registers and must be looked at.
// `what` is always a string literal, so that no secret and no input can travel in an error.
#pragma once

#include <stdbool.h>
#include <stdint.h>

//      name             text                      HTTP  metric label       worth retrying
#define STATUS_TABLE(X)                                                                            \
    X(OK, "ok", 200, "ok", false)                                                                  \
    X(INVALID, "invalid request", 400, "invalid", false)                                           \
    X(UNAUTHENTICATED, "permission denied", 403, "unauthenticated", false)                         \
    X(DENIED, "permission denied", 403, "denied", false)                                           \
    X(NOT_FOUND, "not found", 404, "not_found", false)                                             \
    X(METHOD, "unsupported operation", 405, "method", false)                                       \
    X(CONFLICT, "conflict", 409, "conflict", false)                                                \
    X(TOO_LARGE, "request entity too large", 413, "too_large", false)                              \
    X(MEDIA_TYPE, "unsupported media type", 415, "media_type", false)                              \
    X(LIMIT, "too many requests", 429, "limit", true)                                              \
    X(INTERNAL, "internal error", 500, "internal", false)                                          \
    X(INTEGRITY, "stored data failed its integrity check", 500, "integrity", false)                \
    X(NOMEM, "out of memory", 500, "nomem", true)                                                  \
    X(UNSUPPORTED, "not implemented", 501, "unsupported", false)                                   \
    X(UPSTREAM, "upstream failed", 502, "upstream", true)                                          \
    X(SEALED, "Vault is sealed", 503, "sealed", true)                                              \
    X(UNAVAILABLE, "temporarily unavailable", 503, "unavailable", true)                            \
    X(TIMEOUT, "deadline exceeded", 503, "timeout", true)

enum status_code {
#define X(name, text, http, label, retry) STATUS_##name,
    STATUS_TABLE(X)
#undef X
        STATUS_COUNT
};

struct [[nodiscard]] status {
    enum status_code code;
    uint32_t line;    // source line that created it, for the log
    const char *what; // string literal; never NULL
};

#define OK_STATUS ((struct status){STATUS_OK, 0, ""})
#define MAKE_STATUS(name, literal) ((struct status){STATUS_##name, __LINE__, "" literal})

// Leaves the calling function with an error.
#define FAIL(name, literal) return MAKE_STATUS(name, literal)

// Leaves the calling function when `expr` isn't OK.
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        struct status try_status_ = (expr);                                                        \
        if (try_status_.code != STATUS_OK) {                                                       \
            return try_status_;                                                                    \
        }                                                                                          \
    } while (0)

static inline bool status_ok(struct status s)
{
    return s.code == STATUS_OK;
}

// Says that a failure is expected to be harmless here; the call site explains why.
static inline void status_ignore(struct status s)
{
    (void)s;
}

const char *status_text(enum status_code code);  // the generic user-facing text
const char *status_label(enum status_code code); // metric label
int status_http(enum status_code code);          // HTTP status code
bool status_retryable(enum status_code code);
