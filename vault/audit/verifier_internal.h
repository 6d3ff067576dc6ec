// SPDX-License-Identifier: ISC
// Shared by verifier.c (keys, checkpoints, the end) and verifier_chain.c (one chain). Only for
// them.
#pragma once

#include "vault/audit/reign.h"
#include "vault/audit/verifier.h"

// A chain that was gone through.
struct verified_chain {
    int64_t id;
    int64_t opened_at_us;
    int64_t seq; // its last record
    struct digest head;
    int64_t first_claim; // ordinary checkpoints that list it
    int64_t last_claim;
    int64_t claims;
    bool claimed_closed;
};

// A checkpoint: first only what the chains' claims say of it.
struct verified_checkpoint {
    struct audit_content content;
    struct digest hash;
    int64_t time_us;
    int64_t ordinary_before; // how many of the checkpoints before it aren't tombstones
    bool seen;
    bool tombstone;
};

// The chain that is being gone through.
struct open_chain {
    bool active;
    bool started;     // a record came
    bool broken_link; // already reported
    struct digest head;
    int64_t seq;
    int64_t signed_through;
    int64_t unsigned_time_us; // of the records that no signature covers yet
    int64_t last_time_us;
    // The first claim about records that haven't come: retention may turn out to have removed them.
    bool owed;
    struct audit_problem debt;
    bool closed;
    int64_t closed_seq;
    struct digest closed_head;
};

struct audit_verifier {
    struct audit_verifier_options options;
    struct audit_summary summary;
    struct audit_reigns reigns;
    struct verified_chain *chains; // by id
    size_t chain_count;
    size_t chain_capacity;
    struct verified_checkpoint *checkpoints; // number 1 first
    size_t checkpoint_count;
    size_t checkpoint_capacity;
    int64_t checkpoints_seen; // rows that came
    struct open_chain open;   // chains[chain_count - 1] while active
};

void verifier_report(struct audit_verifier *v, struct audit_problem p);
// A digest of stored octets; false unless they have the right length.
bool verifier_digest(struct bytes stored, struct digest *out);
bool verifier_digest_is(struct bytes stored, struct digest expected);
const struct verified_chain *verifier_chain(const struct audit_verifier *v, int64_t id); // or NULL
// Grows the table as needed. INVALID for a number that makes no sense; NOMEM.
struct status verifier_checkpoint(struct audit_verifier *v, int64_t number,
                                  struct verified_checkpoint **out);

struct status verifier_take_chain(struct audit_verifier *v, const struct audit_chain_item *c);
void verifier_take_record(struct audit_verifier *v, const struct audit_record_item *r);
void verifier_take_batch(struct audit_verifier *v, const struct audit_batch_item *b);
struct status verifier_take_claim(struct audit_verifier *v, const struct audit_claim_item *c);
void verifier_finish_chain(struct audit_verifier *v);
