// SPDX-License-Identifier: ISC
// Everything that the audit log consists of, one row each: what a walk through the database gives
// (walk.h), what an export holds (line.h), and what verification takes (verifier.h). Octets are as
// stored, of whatever length; all slices are borrowed.
//
// A log is a sequence of items in this order:
//   1. the keys, by number;
//   2. for each chain, by number: its header; then by record number its records, each followed by
//      the signature that ends with it and by what checkpoints say of it;
//   3. the checkpoints, by number.
#pragma once

#include "vault/audit/record.h"

struct audit_key_item {
    int64_t number; // from 1
    int64_t created_us;
    struct bytes public_key;
    struct bytes succession_signature; // by the key before; the first signs itself
};

struct audit_chain_item {
    struct audit_chain_header header;
    struct bytes previous_head;
    struct bytes genesis;
    int64_t key_number;
    struct bytes signature; // of genesis
    bool closed;
    int64_t closed_seq;
    struct bytes closed_head;
};

struct audit_record_item {
    int64_t chain_id;
    int64_t seq;
    struct audit_entry entry;
    struct bytes hash;
};

struct audit_batch_item {
    int64_t chain_id;
    int64_t first_seq;
    int64_t last_seq;
    int64_t time_us;
    struct bytes head;
    int64_t key_number;
    struct bytes signature;
};

// What checkpoint `number` says of a chain.
struct audit_claim_item {
    int64_t chain_id;
    int64_t number;
    int64_t seq;
    struct bytes head;
    bool closed;  // the chain ends there
    bool dropped; // retention has removed everything up to there
};

struct audit_checkpoint_item {
    int64_t number; // from 1
    int64_t time_us;
    int64_t dropped_before_us; // of a tombstone; 0 for an ordinary checkpoint
    struct bytes previous_hash;
    struct bytes hash;
    int64_t key_number;
    struct bytes signature;
};

enum audit_item_kind {
    AUDIT_ITEM_KEY,
    AUDIT_ITEM_CHAIN,
    AUDIT_ITEM_RECORD,
    AUDIT_ITEM_BATCH,
    AUDIT_ITEM_CLAIM,
    AUDIT_ITEM_CHECKPOINT
};

struct audit_item {
    enum audit_item_kind kind;
    union {
        struct audit_key_item key;
        struct audit_chain_item chain;
        struct audit_record_item record;
        struct audit_batch_item batch;
        struct audit_claim_item claim;
        struct audit_checkpoint_item checkpoint;
    };
};

// Takes the previous head over into the header, where it is hashed. Of any other length it isn't
// what was hashed, and verification will find so.
void audit_chain_item_link(struct audit_chain_item *c);

// Takes one item; a failure ends the walk.
typedef struct status audit_item_sink(void *ctx, const struct audit_item *item);
