// SPDX-License-Identifier: ISC
// One audit record and how it is chained: hash = BLAKE2b(previous hash, chain, number, all fields).
// Whoever verifies recomputes it from the stored columns or from an export.
#pragma once

#include "vault/base/digest.h"
#include "vault/base/uuid.h"

// Text is borrowed. What would identify a secret is never here: `detail` carries HMACs of it.
struct audit_entry {
    int64_t time_us; // the database's clock; audit_append() fills it in
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
    bool effect;       // it changed something
    struct str detail; // JSON object
    // Not part of the record. The chain that the effect's row names: appended to that one or not at
    // all, since after a change of chains somebody else may turn the effect into a record.
    int64_t effect_chain;
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

// What a batch's signature covers. All of a batch's records carry its time, and times never go back
// within a chain: so a signature by a key that didn't reign yet shows.
struct audit_batch_head {
    int64_t chain_id;
    int64_t first_seq;
    int64_t last_seq;
    int64_t time_us;
    struct digest head; // hash of record last_seq
};
struct digest audit_batch_digest(const struct audit_batch_head *b);

// A checkpoint is signed over its hash. Its content is what it says of each chain, in order of the
// chains' numbers, folded into one digest.
struct audit_content {
    int64_t count;
    struct digest digest; // zero at the beginning
};
void audit_content_add(struct audit_content *c, int64_t chain_id, int64_t seq, struct digest head,
                       bool closed, bool dropped);

struct audit_checkpoint_header {
    int64_t number;
    int64_t time_us;
    int64_t dropped_before_us;   // 0 for an ordinary checkpoint
    struct digest previous_hash; // zero for the first
    struct audit_content content;
};
struct digest audit_checkpoint_hash(const struct audit_checkpoint_header *h);
