// SPDX-License-Identifier: ISC
// Is this log what was written? Takes all items in the order of item.h and needs nothing but them
// and the first public key. It finds: altered, removed, repeated and reordered records; records
// that no signature covers; removed chains; wrong links between chains; keys, signatures and
// checkpoints that aren't genuine; records that a checkpoint knows and that are gone. What it can't
// find is a tail that was cut after the last checkpoint, or together with all later checkpoints:
// for that, see audit_verifier_against().
//
// Memory grows with the chains, checkpoints and keys that came (up to 150 octets each, about what
// they take in an export), not with records, nor with any number in them.
#pragma once

#include "vault/audit/item.h"
#include "vault/base/bytes.h"

struct audit_verifier;

// Where something is wrong; 0 where it doesn't apply.
struct audit_problem {
    const char *what; // a literal
    int64_t chain_id;
    int64_t seq;
    int64_t checkpoint;
    int64_t key_number;
};

struct audit_verifier_options {
    struct bytes first_key; // the pinned public key; empty: whatever the log says
    // Only part of each chain is there, as of an export with a time range: what lies outside isn't
    // missed.
    bool excerpt;
    void (*report)(void *ctx, const struct audit_problem *p);
    void *ctx;
};

struct audit_summary {
    int64_t keys;
    int64_t chains;
    int64_t records;
    int64_t batches;
    int64_t checkpoints;
    int64_t dropped_records; // removed by retention, with a genuine tombstone
    int64_t problems;
    int64_t first_time_us; // of the records; 0 when there are none
    int64_t last_time_us;
    uint8_t first_key[32];
};

void audit_verifier_free(struct audit_verifier *v);
struct status audit_verifier_new(const struct audit_verifier_options *options,
                                 struct audit_verifier **out);
void audit_verifier_cleanup(struct audit_verifier **v);

// An audit_item_sink. Whatever is wrong with the log is reported, and is no failure. NOMEM; LIMIT
// when the log is made to hurt: too much of it would have to be remembered (vault/base/limits.h).
struct status audit_verifier_take(void *verifier, const struct audit_item *item);
// After the last item.
void audit_verifier_end(struct audit_verifier *v);
struct audit_summary audit_verifier_summary(const struct audit_verifier *v);

// After the end: does this log still hold a checkpoint that was kept elsewhere, and every chain at
// least as far?
struct audit_witness {
    struct audit_checkpoint_item checkpoint;
    const struct audit_claim_item *claims; // in order of the chains' numbers
    size_t claim_count;
};
void audit_verifier_against(struct audit_verifier *v, const struct audit_witness *w);
