// SPDX-License-Identifier: ISC
// One audit record and how it is chained: hash = BLAKE2b(previous hash, chain, number, all fields).
// Whoever verifies recomputes it from the stored columns or from an export.
#pragma once

#include "vault/base/digest.h"
#include "vault/base/uuid.h"

// Text is borrowed. What would identify a secret is never here: `detail` carries HMACs of it.
struct audit_entry {
    int64_t time_us; // the database's clock; 0 until audit_append() fills it in
    struct uuid request_id;
    int64_t namespace_id;
    struct str accessor;    // of the token; empty when there was none
    struct str actor;       // its display name, or "system"
    struct str auth_method; // e.g. "token"; empty when unauthenticated
    struct str remote;
    struct str operation; // read, create, update, ...
    struct str path;
    int64_t result; // HTTP status; 0 for what was recovered from an effect
    int64_t duration_us;
    bool effect; // it changed something
    struct str detail; // JSON object
};

struct digest audit_entry_hash(struct digest previous, int64_t chain_id, int64_t seq,
                               const struct audit_entry *e);

// How a chain begins: the first record's "previous hash".
struct audit_chain_header {
    int64_t id;
    struct str node;
    int64_t worker;
    int64_t system_id;
    int64_t timeline;
    int64_t opened_at_us;
    int64_t previous_id; // 0: none
    int64_t previous_seq;
    struct digest previous_head;
};
struct digest audit_chain_genesis(const struct audit_chain_header *h);

// What a batch's signature covers.
struct digest audit_batch_digest(int64_t chain_id, int64_t first_seq, int64_t last_seq,
                                 struct digest head);
