// SPDX-License-Identifier: ISC
// The rows of the audit log as items: which columns to select, in which order, and how to read
// them. Slices are borrowed from the rows.
#pragma once

#include "vault/audit/item.h"
#include "vault/store/result.h"

#define AUDIT_KEY_COLUMNS "number, created_at, public_key, succession_signature"
#define AUDIT_CHAIN_COLUMNS                                                                        \
    "id, node, worker, system_id, timeline, opened_at, previous_id, previous_seq, "                \
    "previous_head, genesis, key_number, signature, closed_at, closed_seq, closed_head"
#define AUDIT_RECORD_COLUMNS                                                                       \
    "chain_id, seq, time, request_id, namespace_id, accessor, actor, auth_method, remote, "        \
    "operation, path, result, duration_us, effect, detail, hash"
#define AUDIT_BATCH_COLUMNS "chain_id, first_seq, last_seq, time, head, key_number, signature"
#define AUDIT_CLAIM_COLUMNS "chain_id, number, seq, head, closed, dropped"
#define AUDIT_CHECKPOINT_COLUMNS                                                                   \
    "number, time, dropped_before, previous_hash, hash, key_number, signature"

typedef void audit_row_reader(const struct store_rows *rows, int row, struct audit_item *out);

audit_row_reader audit_read_key;
audit_row_reader audit_read_chain;
audit_row_reader audit_read_record;
audit_row_reader audit_read_batch;
audit_row_reader audit_read_claim;
audit_row_reader audit_read_checkpoint;
