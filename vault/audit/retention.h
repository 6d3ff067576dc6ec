// SPDX-License-Identifier: ISC
// Removing what is old enough, by whole days. Each day that goes leaves a tombstone: a signed
// checkpoint that says how far which chain was removed and what the last removed record's hash was,
// so that verification goes on behind it. Blocking, in a transaction.
#pragma once

#include "vault/audit/signer.h"
#include "vault/store/session.h"

enum { AUDIT_RETENTION_MIN_S = 7 * 24 * 3600 };

// Drops the oldest day that ended more than `retention_s` ago; true in `out_dropped` when there was
// one. UNAVAILABLE when somebody reads it right now (an export, a verification): try again later,
// so that nobody who appends ever waits. INTEGRITY when its records don't verify: they stay.
struct status audit_retention_drop_day(struct session *s, struct audit_signer *signer,
                                       int64_t retention_s, bool *out_dropped);
// Makes the partitions of the coming days, and the indexes of one day that has ended.
struct status audit_retention_prepare(struct session *s);
