// SPDX-License-Identifier: ISC
// What the vault and the process that sends say to each other: one JSON line each, in turn. A job
// has what one delivery takes and nothing else: of a webhook the finished signature, not the key.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/buffer.h"

struct wire_job {
    bool mail;
    struct str url;     // https://, http://, smtp:// or smtps://
    struct str ca_file; // empty: the system's
    bool require_tls;   // of smtp://: STARTTLS or nothing
    bool loopback_only; // what isn't encrypted stays here
    int64_t timeout_ms;
    struct str body; // of a mail with its headers
    // Webhook
    struct str id;
    struct str timestamp;
    struct str signature;
    // Mail
    struct str username; // empty: no login
    struct str password;
    struct str sender;
    struct str recipient;
};

#define WIRE_OUTCOME_TABLE(X)                                                                      \
    X(DELIVERED, "delivered")                                                                      \
    X(FAILED, "failed")           /* it was asked and said no, for now */                          \
    X(UNREACHABLE, "unreachable") /* it wasn't even asked, or asks everybody to wait */            \
    X(REFUSED, "refused")         /* it will never take this one */                                \
    X(GONE, "gone")               /* it wants no more at all */

enum wire_outcome {
#define X(name, text) WIRE_##name,
    WIRE_OUTCOME_TABLE(X)
#undef X
        WIRE_OUTCOME_COUNT
};

enum { WIRE_ERROR_BYTES = 256, WIRE_WAIT_MAX_S = 3600 };

struct wire_result {
    enum wire_outcome outcome;
    int64_t status;  // of HTTP or SMTP; 0: there was no answer
    int64_t retry_s; // how long it asks to be left alone; 0: it doesn't say
    char error[WIRE_ERROR_BYTES];
};
struct str wire_outcome_name(enum wire_outcome outcome);
// printf into `error`; what isn't visible ASCII becomes a question mark.
void wire_explain(struct wire_result *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// With the newline. NOMEM, TOO_LARGE.
struct status wire_put_job(const struct wire_job *job, struct buffer *out);
struct status wire_put_result(const struct wire_result *r, struct buffer *out);
// A line without its newline; text is borrowed from it or the arena. INVALID, NOMEM.
struct status wire_get_job(struct str line, struct arena *arena, struct wire_job *out);
struct status wire_get_result(struct str line, struct arena *arena, struct wire_result *out);
