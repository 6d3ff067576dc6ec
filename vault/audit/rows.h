// SPDX-License-Identifier: ISC
// The rows of the audit log as items: which columns to select, in which order, and how to read
// them. Slices are borrowed from the rows.
#pragma once

#include "vault/audit/item.h"
#include "vault/audit/item_fields.h"
#include "vault/store/result.h"

#define AUDIT_COLUMN(type, column, key, member) #column ", "
#define AUDIT_LAST_COLUMN(type, column, key, member) #column
#define AUDIT_COLUMNS(fields) fields(AUDIT_COLUMN, AUDIT_LAST_COLUMN)

#define AUDIT_KEY_COLUMNS AUDIT_COLUMNS(AUDIT_KEY_FIELDS)
#define AUDIT_CHAIN_COLUMNS AUDIT_COLUMNS(AUDIT_CHAIN_FIELDS) ", closed_seq, closed_head"
#define AUDIT_RECORD_COLUMNS AUDIT_COLUMNS(AUDIT_RECORD_FIELDS)
#define AUDIT_BATCH_COLUMNS AUDIT_COLUMNS(AUDIT_BATCH_FIELDS)
#define AUDIT_CLAIM_COLUMNS AUDIT_COLUMNS(AUDIT_CLAIM_FIELDS) ", number"
#define AUDIT_CHECKPOINT_COLUMNS AUDIT_COLUMNS(AUDIT_CHECKPOINT_FIELDS)

typedef void audit_row_reader(const struct store_rows *rows, int row, struct audit_item *out);

audit_row_reader audit_read_key;
audit_row_reader audit_read_chain;
audit_row_reader audit_read_record;
audit_row_reader audit_read_batch;
audit_row_reader audit_read_claim;
audit_row_reader audit_read_checkpoint;
