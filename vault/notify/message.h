// SPDX-License-Identifier: ISC
// A notice as its receiver gets it: a signed webhook (Standard Webhooks 1.0: id, time and body
// under one HMAC) or a mail in plain text (RFC 5322, 3834).
#pragma once

#include "vault/notify/notifier.h"
#include "vault/notify/wire.h"

struct message_source {
    const struct notifier *notifier;
    const struct notice *notice;
    const struct secret *secret; // the signing keys (signing_keys.h), or the password
    int64_t now_us;              // the database's clock
    int64_t timeout_ms;
};
// Everything in `out` is in the arena or borrowed from the source. INTEGRITY (a payload that isn't
// ours), NOMEM.
struct status message_make(const struct message_source *source, struct arena *arena,
                           struct wire_job *out);

// What a test of a notifier sends; `payload` keeps its text. `recipient`: of the mail.
struct status message_test_notice(const struct notifier *n, struct str mount_path, int64_t now_us,
                                  struct buffer *payload, struct notice *out);
