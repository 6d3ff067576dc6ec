// SPDX-License-Identifier: ISC
// Shared by verifier.c (keys, checkpoints, the end), verifier_chain.c (one chain) and
// verifier_checkpoints.c (what is known of checkpoints). Only for them.
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
    int64_t number; // first: what they are looked up by
    struct audit_content content;
    struct digest hash;
    int64_t time_us;
    int64_t tombstones_before;
    bool seen;
    bool tombstone;
};

// Of whatever numbers: claims come by chain, and a tombstone's long before those of the ordinary
// checkpoints before it. So numbers say nothing about how many there are; only what came takes
// memory.
struct verified_checkpoints {
    void *tree;                         // tsearch(3)
    struct verified_checkpoint **items; // as they came; by number once sorted
    size_t count;
    size_t capacity;
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
    struct verified_checkpoints checkpoints;
    int64_t checkpoints_seen; // the number of the last row that came
    struct open_chain open;   // chains[chain_count - 1] while active
    // A key was taken that isn't the expected one's rightful successor: anybody may have made it,
    // and all signatures from here on.
    bool keys_doubtful;
    size_t unsigned_count; // keys, chains and checkpoints without a good signature
};

void verifier_report(struct audit_verifier *v, struct audit_problem p);
// A digest of stored octets; false unless they have the right length.
bool verifier_digest(struct bytes stored, struct digest *out);
bool verifier_digest_is(struct bytes stored, struct digest expected);
const struct verified_chain *verifier_chain(const struct audit_verifier *v, int64_t id); // or NULL
// A key, chain or checkpoint is remembered; not many of them may lack a good signature. LIMIT.
struct status verifier_note_signed(struct audit_verifier *v, bool genuine);

void verified_checkpoints_done(struct verified_checkpoints *c);
// NULL when nothing is known of it.
struct verified_checkpoint *verified_checkpoints_get(const struct verified_checkpoints *c,
                                                     int64_t number);
// The same, but adds it. LIMIT when there are too many, NOMEM.
struct status verified_checkpoints_reach(struct verified_checkpoints *c, int64_t number,
                                         struct verified_checkpoint **out);
// By number, with `tombstones_before`: after the last one was added.
void verified_checkpoints_sort(struct verified_checkpoints *c);
// After sorting: checkpoints before `number` that aren't tombstones. Those of which nothing is
// known count as ordinary.
int64_t verified_checkpoints_ordinary_before(const struct verified_checkpoints *c, int64_t number);
// After sorting: the highest number; 0 without any.
int64_t verified_checkpoints_last(const struct verified_checkpoints *c);

struct status verifier_take_chain(struct audit_verifier *v, const struct audit_chain_item *c);
void verifier_take_record(struct audit_verifier *v, const struct audit_record_item *r);
void verifier_take_batch(struct audit_verifier *v, const struct audit_batch_item *b);
struct status verifier_take_claim(struct audit_verifier *v, const struct audit_claim_item *c);
void verifier_finish_chain(struct audit_verifier *v);
