// SPDX-License-Identifier: ISC
// The rows of audit_sink. They decide where records go, so each carries a MAC and they are part of
// the manifest. Blocking.
#pragma once

#include "vault/audit/sink.h"
#include "vault/base/arena.h"
#include "vault/crypto/keyring.h"
#include "vault/store/session.h"

struct audit_sink_row {
    struct uuid id;
    int64_t namespace_id;
    struct str path; // ends in a slash
    struct str type; // "file"
    struct str description;
    struct str options; // JSON: {"file_path": ...}
    int64_t row_version;
};

// In order of path; texts are in the arena. INTEGRITY when a row was altered.
struct status audit_sink_list(const struct keyring *k, struct session *s, struct arena *arena,
                              struct audit_sink_row **out, size_t *out_count);
// CONFLICT when the path is taken; LIMIT when there are AUDIT_SINKS_MAX.
struct status audit_sink_insert(const struct keyring *k, struct session *s,
                                const struct audit_sink_row *row);
struct status audit_sink_delete(struct session *s, int64_t namespace_id,
                                struct str path); // NOT_FOUND

// What the row asks the sinks to do. INVALID when its options don't make sense (any more).
struct status audit_sink_configure(const struct audit_sinks *sinks,
                                   const struct audit_sink_row *row, struct arena *arena,
                                   struct audit_sink_config *out);
// May a sink be added that does this? Within the transaction that adds it. INVALID when another one
// has its file; INTEGRITY.
struct status audit_sink_check_new(const struct audit_sinks *sinks, const struct keyring *k,
                                   struct session *s, const struct audit_sink_config *wanted);
// Lists the rows and applies them.
struct status audit_sink_reload(struct audit_sinks *sinks, const struct keyring *k,
                                struct session *s);
