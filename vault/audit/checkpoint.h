// SPDX-License-Identifier: ISC
// Checkpoints: numbered, linked and signed statements of how far every chain has come. They are
// what makes a removed chain or a cut tail show, as long as a later checkpoint is still there; the
// newest ones should therefore also be kept elsewhere (audit.checkpoint_file).
//
// A tombstone is a checkpoint too: it says which records retention has removed (retention.h).
//
// Everything here blocks, inside a transaction on a session.
#pragma once

#include "vault/audit/line.h"
#include "vault/audit/signer.h"
#include "vault/base/arena.h"
#include "vault/store/session.h"

struct audit_checkpoint_head {
    int64_t number; // 0: there is none yet
    struct digest hash;
};

// Waits for whoever makes one at the moment, then reads the newest. The lock lasts to the end of
// the transaction. `out_age_s` is by the database's clock; INT64_MAX when there is none.
struct status audit_checkpoint_lock(struct session *s, struct audit_checkpoint_head *out,
                                    int64_t *out_age_s);

// After the lock. Lists every chain that is open, or was closed since it was listed last. A chain
// whose tail doesn't verify is listed as it was before, and counted in `out_altered`.
struct status audit_checkpoint_make(struct session *s, struct audit_signer *signer,
                                    const struct audit_checkpoint_head *previous,
                                    struct audit_checkpoint_head *out, int64_t *out_altered);

// The parts, also for tombstones. Stores what the checkpoint says of one chain and adds it to its
// content; call in order of the chains' numbers, then sign.
struct status audit_checkpoint_claim(struct session *s, const struct audit_claim_item *claim,
                                     struct audit_content *content);
struct status audit_checkpoint_sign(struct session *s, struct audit_signer *signer,
                                    struct audit_checkpoint_header *header,
                                    struct audit_checkpoint_head *out);

// A checkpoint with what it says, for the file. NOT_FOUND.
struct status audit_checkpoint_load(struct session *s, int64_t number, struct arena *arena,
                                    struct audit_witness *out);

// At start: is the newest checkpoint genuine, and does the database still have every record that it
// knows? INTEGRITY when not; OK when there is none.
struct status audit_checkpoint_check_newest(struct session *s);
